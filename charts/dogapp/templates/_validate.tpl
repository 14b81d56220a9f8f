{{/* What the schema cannot see, every problem at once. */}}
{{- define "dogapp.validate" -}}
{{- $problems := list -}}
{{- range $name := list "DB_PASSWORD" "DB_SECRET" "SECRET_KEYS" -}}
  {{- if hasKey $.Values.env $name -}}
    {{- $problems = append $problems (printf "env.%s: a secret does not belong into a ConfigMap; give secrets.values.%s" $name $name) -}}
  {{- end -}}
{{- end -}}
{{- if regexMatch "://[^/@]*:[^/@]+@" (default "" .Values.env.DATABASE_URL | toString) -}}
  {{- $problems = append $problems "env.DATABASE_URL: its password does not belong into a ConfigMap; give secrets.values.DATABASE_URL" -}}
{{- end -}}
{{- if hasKey .Values.env "FLASK_PORT" -}}
  {{- $problems = append $problems "env.FLASK_PORT: give port instead, which service and probes use too" -}}
{{- end -}}
{{- with .Values.secrets -}}
  {{- if and .existing .external.enabled -}}
    {{- $problems = append $problems "secrets.existing and secrets.external.enabled: only one of them can fill the Secret" -}}
  {{- end -}}
  {{- if and .external.enabled (not .external.data) (not .external.dataFrom) -}}
    {{- $problems = append $problems "secrets.external: give data or dataFrom, or there is nothing to fetch" -}}
  {{- end -}}
  {{- if and .values (or .existing .external.enabled) -}}
    {{- $problems = append $problems "secrets.values: the Secret is not the chart's own, so these would go nowhere" -}}
  {{- end -}}
{{- end -}}
{{- with .Values.database -}}
  {{- if and (eq .kind "mysql") (eq .engine "postgresql") -}}
    {{- $problems = append $problems "database.engine: the chart runs mysql or mariadb; for postgresql database.kind is external or cloudsql" -}}
  {{- end -}}
  {{- if and (eq .kind "mysql") (eq .user "root") -}}
    {{- $problems = append $problems "database.user: root is there anyway; the app needs a user of its own" -}}
  {{- end -}}
  {{- if and (eq .kind "external") (not .host) (not (include "dogapp.secretUrl" $)) -}}
    {{- $problems = append $problems "database.host: where the external database is, or secrets.values.DATABASE_URL" -}}
  {{- end -}}
  {{- if and (ne .kind "mysql") .password (not (include "dogapp.ownSecret" $)) -}}
    {{- $problems = append $problems "database.password: the Secret is not the chart's own; put DB_PASSWORD there" -}}
  {{- end -}}
  {{- if eq .kind "cloudsql" -}}
    {{- if not .cloudsql.instance -}}
      {{- $problems = append $problems "database.cloudsql.instance: project:region:instance" -}}
    {{- end -}}
    {{- if semverCompare "<1.29.0-0" $.Capabilities.KubeVersion.Version -}}
      {{- $problems = append $problems "database.kind: the Auth Proxy is a native sidecar, which needs Kubernetes 1.29" -}}
    {{- end -}}
    {{- if and .cloudsql.iamLogin .password -}}
      {{- $problems = append $problems "database.cloudsql.iamLogin: logs in without database.password" -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- with .Values.ingress -}}
  {{- if and .enabled (ne .tls.mode "none") (not .hosts) -}}
    {{- $problems = append $problems "ingress.hosts: a certificate is for host names" -}}
  {{- end -}}
  {{- if and .enabled (eq .tls.mode "cert-manager") (not .tls.issuer) -}}
    {{- $problems = append $problems "ingress.tls.issuer: who cert-manager asks for the certificate" -}}
  {{- end -}}
{{- end -}}
{{- if and .Values.service.nodePort (eq .Values.service.type "ClusterIP") -}}
  {{- $problems = append $problems "service.nodePort: service.type ClusterIP has none" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) -}}
  {{- $problems = append $problems "autoscaling.minReplicas: is more than maxReplicas" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled .Values.autoscaling.cpu (not (dig "requests" "cpu" "" .Values.resources)) -}}
  {{- $problems = append $problems "autoscaling.cpu: is a share of resources.requests.cpu, which is not given" -}}
{{- end -}}
{{- if ge (int .Values.shutdown.delaySeconds) (int .Values.shutdown.gracePeriodSeconds) -}}
  {{- $problems = append $problems "shutdown.gracePeriodSeconds: has to be more than delaySeconds, which is part of it" -}}
{{- end -}}
{{- if $problems -}}
  {{- fail (printf "\n\nThe values do not fit together:\n- %s" (join "\n- " $problems)) -}}
{{- end -}}
{{- end -}}

{{/* Whether DATABASE_URL is, or may be, among the secrets. Something or nothing. */}}
{{- define "dogapp.secretUrl" -}}
{{- with .Values.secrets -}}
{{- $elsewhere := or .existing (and .external.enabled (or .external.dataFrom (hasKey .external.data "DATABASE_URL"))) -}}
{{- if or $elsewhere (hasKey (include "dogapp.secrets" $ | fromJson) "DATABASE_URL") }}yes{{ end -}}
{{- end -}}
{{- end -}}
