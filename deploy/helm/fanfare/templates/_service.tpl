{{/* The spec of a daemon's Service but for its ports: dict "root" $ "component" "gateway". */}}
{{- define "fanfare.serviceSpec" -}}
{{- $service := (get .root.Values .component).service -}}
type: {{ $service.type }}
{{- range $field := list "loadBalancerClass" "externalTrafficPolicy" "internalTrafficPolicy" "sessionAffinity" "ipFamilyPolicy" }}
{{- with get $service $field }}
{{ $field }}: {{ . }}
{{- end }}
{{- end }}
{{- range $field := list "loadBalancerSourceRanges" "ipFamilies" }}
{{- with get $service $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- if not $service.allocateLoadBalancerNodePorts }}
allocateLoadBalancerNodePorts: false
{{- end }}
selector:
  {{- include "fanfare.selector" . | nindent 2 }}
{{- end -}}

{{/* One port of it: dict "service" … "name" "ws" "appProtocol" …. */}}
{{- define "fanfare.servicePort" -}}
{name: {{ .name }}, port: {{ .service.port }}, targetPort: {{ .name }}, {{ with .service.nodePort }}nodePort: {{ . }}, {{ end }}appProtocol: {{ .appProtocol }}}
{{- end -}}
