{{/* What no schema can say: values that must fit each other. */}}
{{- define "fanfare.check" -}}
{{- range $component := list "gateway" "logic" -}}
{{- with get $.Values $component -}}
{{- $needed := add .preStopSeconds .drainSeconds -}}
{{- if le (int .terminationGracePeriodSeconds) (int $needed) -}}
{{- fail (printf "%s.terminationGracePeriodSeconds is %d: it must be above preStopSeconds + drainSeconds (%d), or Kubernetes kills the daemon before it has drained" $component (int .terminationGracePeriodSeconds) (int $needed)) -}}
{{- end -}}
{{- if and .autoscaling.enabled (gt (int .autoscaling.minReplicas) (int .autoscaling.maxReplicas)) -}}
{{- fail (printf "%s.autoscaling.minReplicas (%d) is above maxReplicas (%d)" $component (int .autoscaling.minReplicas) (int .autoscaling.maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.tls.source "existing") (or (not .Values.tls.existing.gatewaySecret) (not .Values.tls.existing.logicSecret)) -}}
{{- fail "tls.source is existing: name the Secrets in tls.existing.gatewaySecret and tls.existing.logicSecret (each with tls.crt, tls.key, ca.crt; deploy/make-certs makes such files)" -}}
{{- end -}}
{{- if and (eq .Values.discovery.mode "redis") (not .Values.redis.enabled) -}}
{{- fail "discovery.mode is redis: set redis.enabled to true, or discovery.mode to dns" -}}
{{- end -}}
{{- if and .Values.gatewayApi.enabled (not .Values.gatewayApi.parentRefs) -}}
{{- fail "gatewayApi.enabled is true: name the Gateway in gatewayApi.parentRefs, as [{name: …, namespace: …}]" -}}
{{- end -}}
{{- if and (eq .Values.seccompProfile.type "Localhost") (not .Values.seccompProfile.localhostProfile) -}}
{{- fail "seccompProfile.type is Localhost: give the file below the kubelet's seccomp directory in seccompProfile.localhostProfile" -}}
{{- end -}}
{{- end -}}
