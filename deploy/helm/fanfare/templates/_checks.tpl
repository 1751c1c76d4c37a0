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
