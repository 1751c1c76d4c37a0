{{- define "fanfare.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The labels that selectors use: dict "root" $ "component" "gateway". They never change. */}}
{{- define "fanfare.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "fanfare.labels" -}}
{{ include "fanfare.selector" . }}
app.kubernetes.io/part-of: fanfare
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "fanfare.meta" -}}
name: {{ include "fanfare.fullname" .root }}-{{ .suffix | default .component }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "fanfare.labels" . | nindent 2 }}
{{- end -}}

{{- define "fanfare.rpcName" -}}
{{ include "fanfare.fullname" . }}-gateway-rpc.{{ .Release.Namespace }}.svc
{{- end -}}

{{/* With the dot at its end: no search list, one look-up in place of four. */}}
{{- define "fanfare.discoveryName" -}}
{{ include "fanfare.rpcName" . }}.{{ .Values.clusterDomain }}.
{{- end -}}

{{/* Where callers, `helm test` and Prometheus find the API, and the name that its certificate has. */}}
{{- define "fanfare.apiName" -}}
{{ include "fanfare.fullname" . }}-logic.{{ .Release.Namespace }}.svc
{{- end -}}

{{- define "fanfare.apiScheme" -}}
{{ ternary "http" "https" (empty .Values.logic.apiTlsSecret) }}
{{- end -}}

{{- define "fanfare.serverName" -}}
{{ .Values.tls.serverName | default (include "fanfare.rpcName" .) }}
{{- end -}}

{{- define "fanfare.tlsSecret" -}}
{{- if eq .root.Values.tls.source "existing" -}}
{{- get .root.Values.tls.existing (printf "%sSecret" .component) -}}
{{- else -}}
{{- include "fanfare.fullname" .root }}-{{ .component }}-tls
{{- end -}}
{{- end -}}

{{- define "fanfare.redisBundled" -}}
{{- if and .Values.redis.enabled (not .Values.redis.urlSecret.name) }}yes{{ end -}}
{{- end -}}

{{- define "fanfare.redisSecret" -}}
{{ .Values.redis.urlSecret.name | default (printf "%s-redis" (include "fanfare.fullname" .)) }}
{{- end -}}

{{- define "fanfare.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}
