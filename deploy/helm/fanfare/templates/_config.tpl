{{/* What a daemon's JSON file holds: the values' config below what the chart sets itself. */}}
{{- define "fanfare.gatewayConfig" -}}
{{- $chart := dict
  "wsPort" 7777 "servicePort" 7788 "adminPort" 7789 "adminBind" "*"
  "serverPem" "/etc/fanfare/tls/tls.crt" "serverKey" "/etc/fanfare/tls/tls.key"
  "rpc" (dict "ca" "/etc/fanfare/tls/ca.crt")
  "drainSeconds" (int .Values.gateway.drainSeconds) -}}
{{- if .Values.gateway.tlsSecret -}}
{{- $_ := set $chart "ws" (dict "cert" "/etc/fanfare/ws-tls/tls.crt" "key" "/etc/fanfare/ws-tls/tls.key") -}}
{{- end -}}
{{- if .Values.redis.enabled -}}
{{- $_ := set $chart "redis" (dict "prefix" .Values.redis.prefix) -}}
{{- $_ := set $chart "bus" (dict "listen" .Values.redis.mirror "channel" (printf "%s:bus" .Values.redis.prefix)) -}}
{{- end -}}
{{- mustMergeOverwrite (deepCopy .Values.gateway.config) $chart | mustToPrettyJson -}}
{{- end -}}

{{- define "fanfare.logicConfig" -}}
{{- $discovery := dict "mode" .Values.discovery.mode "refreshSeconds" (int .Values.discovery.refreshSeconds) -}}
{{- if eq .Values.discovery.mode "dns" -}}
{{- $_ := set $discovery "name" (include "fanfare.discoveryName" .) -}}
{{- $_ := set $discovery "port" 7788 -}}
{{- end -}}
{{- $chart := dict
  "servicePort" 7799 "drainSeconds" (int .Values.logic.drainSeconds) "discovery" $discovery
  "rpc" (dict "ca" "/etc/fanfare/tls/ca.crt" "cert" "/etc/fanfare/tls/tls.crt" "key" "/etc/fanfare/tls/tls.key"
    "serverName" (include "fanfare.serverName" .)) -}}
{{- $api := dict -}}
{{- if .Values.logic.apiTokensSecret -}}
{{- $_ := set $api "tokensFile" "/etc/fanfare/api/tokens" -}}
{{- end -}}
{{- if .Values.logic.apiTlsSecret -}}
{{- $_ := set $api "cert" "/etc/fanfare/api-tls/tls.crt" -}}
{{- $_ := set $api "key" "/etc/fanfare/api-tls/tls.key" -}}
{{- end -}}
{{- if $api -}}
{{- $_ := set $chart "api" $api -}}
{{- end -}}
{{- if .Values.redis.enabled -}}
{{- $_ := set $chart "redis" (dict "prefix" .Values.redis.prefix) -}}
{{- $_ := set $chart "bus" (dict "mode" (ternary "mirror" "off" .Values.redis.mirror) "channel" (printf "%s:bus" .Values.redis.prefix)) -}}
{{- end -}}
{{- mustMergeOverwrite (deepCopy .Values.logic.config) $chart | mustToPrettyJson -}}
{{- end -}}
