{{/* One daemon's Deployment: dict "root" $ "component" "gateway" "health" the name of the port of /healthz. */}}
{{- define "fanfare.deployment" -}}
{{- $values := get .root.Values .component -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "fanfare.meta" . | nindent 2 }}
spec:
  {{- if not $values.autoscaling.enabled }}
  replicas: {{ $values.replicas }}
  {{- end }}
  minReadySeconds: 5
  progressDeadlineSeconds: 600
  revisionHistoryLimit: 5
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  selector:
    matchLabels:
      {{- include "fanfare.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- include "fanfare.selector" . | nindent 8 }}
      annotations:
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        checksum/config: {{ include (printf "fanfare.%sConfig" .component) .root | sha256sum }}
    spec:
      {{- include "fanfare.podSecurity" .root | nindent 6 }}
      serviceAccountName: {{ include "fanfare.fullname" .root }}-{{ .component }}
      terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- include "fanfare.spread" . | nindent 6 }}
      {{- with $values.initContainers }}
      initContainers:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .component }}
          {{- include "fanfare.container" .root | nindent 10 }}
          command: [/usr/local/bin/fanfare-{{ .component }}]
          args: [-config, /etc/fanfare/config/{{ .component }}.json]
          {{- with include "fanfare.env" . }}
          {{- . | nindent 10 }}
          {{- end }}
          ports:
            {{- toYaml .ports | nindent 12 }}
          {{- include "fanfare.probes" (dict "port" .health "https" $values.apiTlsSecret) | nindent 10 }}
          lifecycle:
            preStop:
              # Not kubelet's own `sleep` action, which is off before 1.30: this runs everywhere, and needs no shell.
              exec: {command: [/usr/bin/sleep, {{ $values.preStopSeconds | quote }}]}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          volumeMounts:
            - {name: config, mountPath: /etc/fanfare/config, readOnly: true}
            - {name: tls, mountPath: /etc/fanfare/tls, readOnly: true}
            {{- if $values.tlsSecret }}
            - {name: ws-tls, mountPath: /etc/fanfare/ws-tls, readOnly: true}
            {{- end }}
            {{- if or $values.authSecret $values.authConfigMap }}
            - {name: auth, mountPath: /etc/fanfare/auth, readOnly: true}
            {{- end }}
            {{- if $values.apiTokensSecret }}
            - {name: api-tokens, mountPath: /etc/fanfare/api, readOnly: true}
            {{- end }}
            {{- if $values.apiTlsSecret }}
            - {name: api-tls, mountPath: /etc/fanfare/api-tls, readOnly: true}
            {{- end }}
            {{- with $values.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
        {{- with $values.extraContainers }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      volumes:
        - name: config
          configMap: {name: {{ include "fanfare.fullname" .root }}-{{ .component }}}
        - name: tls
          secret: {secretName: {{ include "fanfare.tlsSecret" . }}, defaultMode: 0440}
        {{- with $values.tlsSecret }}
        - name: ws-tls
          secret: {secretName: {{ . }}, defaultMode: 0440}
        {{- end }}
        {{- if or $values.authSecret $values.authConfigMap }}
        - name: auth
          projected:
            defaultMode: 0440
            sources:
              {{- with $values.authSecret }}
              - secret: {name: {{ . }}}
              {{- end }}
              {{- with $values.authConfigMap }}
              - configMap: {name: {{ . }}}
              {{- end }}
        {{- end }}
        {{- with $values.apiTokensSecret }}
        - name: api-tokens
          secret: {secretName: {{ . }}, defaultMode: 0440}
        {{- end }}
        {{- with $values.apiTlsSecret }}
        - name: api-tls
          secret: {secretName: {{ . }}, defaultMode: 0440}
        {{- end }}
        {{- with $values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end -}}

{{/* No token of Kubernetes in the pod, and no variables for its Services: FANFARE_SERVICE_PORT is an option. */}}
{{- define "fanfare.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- with .Values.podSecurityContext }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  seccompProfile:
    {{- toYaml .Values.seccompProfile | nindent 4 }}
{{- end -}}

{{- define "fanfare.containerSecurity" -}}
securityContext:
  {{- toYaml .Values.containerSecurityContext | nindent 2 }}
{{- end -}}

{{- define "fanfare.container" -}}
image: {{ include "fanfare.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{ include "fanfare.containerSecurity" . }}
{{- end -}}

{{- define "fanfare.spread" -}}
{{- $spread := (get .root.Values .component).topologySpread -}}
{{- if or (ne $spread.hostname "off") (ne $spread.zone "off") -}}
topologySpreadConstraints:
{{- range $key, $topology := dict "hostname" "kubernetes.io/hostname" "zone" "topology.kubernetes.io/zone" }}
{{- if ne (get $spread $key) "off" }}
  - maxSkew: 1
    topologyKey: {{ $topology }}
    whenUnsatisfiable: {{ get $spread $key }}
    labelSelector:
      matchLabels:
        {{- include "fanfare.selector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* Lives: liveness asks only whether the process answers. Ready: /readyz is 503 while it drains. */}}
{{- define "fanfare.probes" -}}
{{- $scheme := ternary ", scheme: HTTPS" "" (not (empty .https)) -}}
startupProbe:
  httpGet: {path: /healthz, port: {{ .port }}{{ $scheme }}}
  periodSeconds: 1
  timeoutSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: {{ .port }}{{ $scheme }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: {{ .port }}{{ $scheme }}}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end -}}

{{- define "fanfare.env" -}}
{{- $env := list -}}
{{- if .root.Values.redis.enabled -}}
{{- $ref := dict "name" (include "fanfare.redisSecret" .root) "key" .root.Values.redis.urlSecret.key -}}
{{- $env = append $env (dict "name" "FANFARE_REDIS_URL" "valueFrom" (dict "secretKeyRef" $ref)) -}}
{{- if eq .component "gateway" -}}
{{- $env = append $env (dict "name" "FANFARE_GATEWAY_ID" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.name"))) -}}
{{- $env = append $env (dict "name" "FANFARE_ADVERTISE_HOST" "valueFrom" (dict "fieldRef" (dict "fieldPath" "status.podIP"))) -}}
{{- end -}}
{{- end -}}
{{- range $name, $from := (get .root.Values .component).secretEnv -}}
{{- $env = append $env (dict "name" $name "valueFrom" (dict "secretKeyRef" (dict "name" $from.secretName "key" $from.key))) -}}
{{- end -}}
{{- $env = concat $env (get .root.Values .component).extraEnv -}}
{{- with $env -}}
env:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}
