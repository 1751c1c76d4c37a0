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
{{- include "fanfare.checkService" (dict "component" $component "service" .service) -}}
{{- end -}}
{{- end -}}
{{- include "fanfare.checkMemory" . -}}
{{- include "fanfare.checkLimits" . -}}
{{- include "fanfare.checkIdentity" . -}}
{{- include "fanfare.checkKeys" . -}}
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

{{/* Options that need each other. The daemon would say so too, but only after the pods were made. */}}
{{- define "fanfare.checkIdentity" -}}
{{- $config := .Values.gateway.config -}}
{{- $auth := $config.auth | default dict -}}
{{- $hook := $auth.hook | default dict -}}
{{- $variables := keys .Values.gateway.secretEnv -}}
{{- range .Values.gateway.extraEnv -}}
{{- $variables = append $variables .name -}}
{{- end -}}
{{- if and (eq (dig "mode" "none" $auth) "verify") (not (or $auth.issuers $auth.header $hook.url (contains "FANFARE_AUTH_" (join "," $variables)))) -}}
{{- fail "gateway.config.auth.mode is verify, and nothing says who a client is: set gateway.config.auth.issuers, .header or .hook.url" -}}
{{- end -}}
{{- range $option := list "auth.header" "proxyProtocol" -}}
{{- if and (ternary $auth.header $config.proxyProtocol (eq $option "auth.header")) (not $config.trustedProxies) -}}
{{- fail (printf "gateway.config.%s is set, and gateway.config.trustedProxies is empty: list the addresses that the pods see of the proxies, such as the network of the ingress controller's pods" $option) -}}
{{- end -}}
{{- end -}}
{{- $sent := dict "auth.cookie" $auth.cookie "auth.header" $auth.header "auth.hook.headers" (has "cookie" (splitList "," (lower (join "," $hook.headers)))) -}}
{{- $origins := dig "ws" "origins" list $config -}}
{{- range $option, $set := $sent -}}
{{- if and $set (or (not $origins) (has "*" $origins)) -}}
{{- fail (printf "gateway.config.%s is set: browsers send that for any page, so name your own pages in gateway.config.ws.origins (without *)" $option) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Keys that the pods must have before them: a file that is mounted, or a way to where it is. */}}
{{- define "fanfare.checkKeys" -}}
{{- $auth := .Values.gateway.config.auth | default dict -}}
{{- $hook := $auth.hook | default dict -}}
{{- $files := dict "auth.hook.ca" $hook.ca "auth.hook.tokenFile" $hook.tokenFile -}}
{{- $urls := dict "auth.hook.url" $hook.url -}}
{{- range $index, $issuer := $auth.issuers -}}
{{- if ne 1 (len (compact (list $issuer.jwks $issuer.jwksUrl $issuer.secretFile))) -}}
{{- fail (printf "gateway.config.auth.issuers[%d] (%s): set exactly one of jwks, jwksUrl and secretFile" $index $issuer.iss) -}}
{{- end -}}
{{- range $key := list "jwks" "jwksCa" "secretFile" -}}
{{- $_ := set $files (printf "auth.issuers[%d].%s" $index $key) (get $issuer $key) -}}
{{- end -}}
{{- $_ := set $urls (printf "auth.issuers[%d].jwksUrl" $index) $issuer.jwksUrl -}}
{{- end -}}
{{- range $option, $file := $files -}}
{{- if and (hasPrefix "/etc/fanfare/auth/" ($file | default "")) (not (or $.Values.gateway.authSecret $.Values.gateway.authConfigMap)) -}}
{{- fail (printf "gateway.config.%s is %s, and nothing is mounted there: name the Secret with the key %s in gateway.authSecret, or the ConfigMap in gateway.authConfigMap" $option $file (base $file)) -}}
{{- end -}}
{{- end -}}
{{- $policy := .Values.networkPolicy -}}
{{- range $option, $url := $urls -}}
{{- if and (hasPrefix "https://" ($url | default "")) $policy.enabled $policy.egress (not (or $policy.authEgress $policy.extraEgress)) -}}
{{- fail (printf "gateway.config.%s is %s, and the NetworkPolicy lets no gateway go there: add a rule to networkPolicy.authEgress, such as {ports: [{port: 443}], to: [{ipBlock: {cidr: 203.0.113.0/24}}]}" $option $url) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What logic lets through and the gateways refuse. The defaults are the daemons'; a test compares them. */}}
{{- define "fanfare.checkLimits" -}}
{{- range $pair := list
  (list "maxItemBytes" 65536 "maxItemBytes" 65536)
  (list "maxJsonDepth" 64 "maxJsonDepth" 64)
  (list "maxRoomNameBytes" 128 "maxRoomNameBytes" 128)
  (list "maxBodyBytes" 4194304 "maxRpcBytes" 8388608) -}}
{{- $ours := index $pair 0 -}}
{{- $theirs := index $pair 2 -}}
{{- $logic := dig $ours (index $pair 1) $.Values.logic.config | int64 -}}
{{- $gateway := dig $theirs (index $pair 3) $.Values.gateway.config | int64 -}}
{{- if gt $logic $gateway -}}
{{- fail (printf "logic.config.%s is %d, and gateway.config.%s is %d: logic would take pushes that the gateways refuse. Raise gateway.config.%s to %d, or lower logic.config.%s" $ours $logic $theirs $gateway $theirs $logic $ours) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Fields that Kubernetes refuses with another type of Service. */}}
{{- define "fanfare.checkService" -}}
{{- $service := .service -}}
{{- $balanced := eq $service.type "LoadBalancer" -}}
{{- range $field := list "loadBalancerClass" "loadBalancerSourceRanges" -}}
{{- if and (get $service $field) (not $balanced) -}}
{{- fail (printf "%s.service.%s is set, and %s.service.type is %s: it goes with LoadBalancer only" $.component $field $.component $service.type) -}}
{{- end -}}
{{- end -}}
{{- if not (or $service.allocateLoadBalancerNodePorts $balanced) -}}
{{- fail (printf "%s.service.allocateLoadBalancerNodePorts is false, and %s.service.type is %s: it goes with LoadBalancer only" .component .component $service.type) -}}
{{- end -}}
{{- range $field := list "nodePort" "externalTrafficPolicy" -}}
{{- if and (get $service $field) (eq $service.type "ClusterIP") -}}
{{- fail (printf "%s.service.%s is set, and %s.service.type is ClusterIP: it goes with NodePort or LoadBalancer" $.component $field $.component) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A quantity of memory of Kubernetes in MiB, rounded down. */}}
{{- define "fanfare.mebibytes" -}}
{{- $text := . | toString -}}
{{- $unit := regexFind "(m|k|[KMGTPE]i?)?$" $text -}}
{{- $bytes := get (dict "" 1.0 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 "Ei" 1152921504606846976.0) $unit -}}
{{- $number := . -}}
{{- if kindIs "string" . -}}
{{- $number = trimSuffix $unit $text -}}
{{- end -}}
{{- divf (mulf (float64 $number) $bytes) 1048576.0 | floor | int64 -}}
{{- end -}}

{{/* What docs/performance.md measured for a client, with the kernel's part and room for queues. */}}
{{- define "fanfare.checkMemory" -}}
{{- with .Values.gateway -}}
{{- $limit := dig "limits" "memory" "" .resources -}}
{{- $clients := int64 (dig "maxClients" 100000 .config) -}}
{{- $each := ternary 24 8 (ne .tlsSecret "") -}}
{{- $needed := add 128 (div (add (mul $clients $each) 1023) 1024) -}}
{{- if $limit -}}
{{- $have := int64 (include "fanfare.mebibytes" $limit) -}}
{{- if gt $needed $have -}}
{{- fail (printf "gateway.config.maxClients is %d: that many clients need %dMi (%d KiB each%s, and 128Mi), and gateway.resources.limits.memory is %v: raise it, or allow %d clients" $clients $needed $each (ternary " with tlsSecret" "" (ne .tlsSecret "")) $limit (max 0 (div (mul (sub $have 128) 1024) $each))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
