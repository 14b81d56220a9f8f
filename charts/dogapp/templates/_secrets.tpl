{{/*
The data of the Secrets and of the ConfigMap, as JSON. Each is made once in a render, whoever asks
first, so that what was generated is the same in the Secret and in the checksum of it.
*/}}

{{- define "dogapp.secretName" -}}
{{- default (include "dogapp.fullname" .) .Values.secrets.existing -}}
{{- end -}}

{{- define "dogapp.databaseSecretName" -}}
{{- default (include "dogapp.databaseName" .) .Values.database.existingSecret -}}
{{- end -}}

{{/* Whether the app's Secret is the chart's own. Something or nothing. */}}
{{- define "dogapp.ownSecret" -}}
{{- if not (or .Values.secrets.existing .Values.secrets.external.enabled) }}yes{{ end -}}
{{- end -}}

{{/* The data that a Secret has now. Takes (list . NAME). */}}
{{- define "dogapp.live" -}}
{{- $secret := lookup "v1" "Secret" (first .).Release.Namespace (last .) -}}
{{- default dict (default dict $secret).data | toJson -}}
{{- end -}}

{{/* The app's Secret: what it has, and what it lacks. */}}
{{- define "dogapp.secrets" -}}
{{- if not (hasKey . "dogappSecrets") -}}
  {{- $data := include "dogapp.live" (list . (include "dogapp.secretName" .)) | fromJson -}}
  {{- if include "dogapp.ownSecret" . -}}
    {{- range .Values.secrets.generate -}}
      {{- if not (hasKey $data .) -}}
        {{- $_ := set $data . (randAlphaNum 48 | b64enc) -}}
      {{- end -}}
    {{- end -}}
    {{- if and .Values.database.password (ne .Values.database.kind "mysql") -}}
      {{- $_ := set $data "DB_PASSWORD" (.Values.database.password | b64enc) -}}
    {{- end -}}
    {{- range $name, $value := .Values.secrets.values -}}
      {{- if not (kindIs "invalid" $value) -}}
        {{- $_ := set $data $name ($value | b64enc) -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}
  {{- $_ := set . "dogappSecrets" ($data | toRawJson) -}}
{{- end -}}
{{- .dogappSecrets -}}
{{- end -}}

{{/* The Secret of the database that the chart runs. */}}
{{- define "dogapp.databaseSecrets" -}}
{{- if not (hasKey . "dogappDatabaseSecrets") -}}
  {{- $data := include "dogapp.live" (list . (include "dogapp.databaseSecretName" .)) | fromJson -}}
  {{- if not .Values.database.existingSecret -}}
    {{- $given := dict "password" .Values.database.password "root-password" .Values.database.rootPassword -}}
    {{- include "dogapp.refuseLockedVolume" (list . $data) -}}
    {{- range $name, $value := $given -}}
      {{- if $value -}}
        {{- $_ := set $data $name ($value | b64enc) -}}
      {{- else if not (hasKey $data $name) -}}
        {{- $_ := set $data $name (randAlphaNum 32 | b64enc) -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}
  {{- $_ := set . "dogappDatabaseSecrets" ($data | toRawJson) -}}
{{- end -}}
{{- .dogappDatabaseSecrets -}}
{{- end -}}

{{/* A volume of an earlier install opens with the passwords of then only. */}}
{{- define "dogapp.refuseLockedVolume" -}}
{{- $ := first . -}}
{{- if not (or (last .) (and $.Values.database.password $.Values.database.rootPassword)) -}}
  {{- $secret := include "dogapp.databaseSecretName" $ -}}
  {{- $claim := printf "data-%s-0" (include "dogapp.databaseName" $) -}}
  {{- if lookup "v1" "PersistentVolumeClaim" $.Release.Namespace $claim -}}
    {{- fail (printf "\n\nThe volume claim %s holds a database, and the Secret %s with its passwords is gone. Give database.password and database.rootPassword, or delete the claim and its data." $claim $secret) -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{/* The variables that are no secret. Later ones win. */}}
{{- define "dogapp.config" -}}
{{- $data := dict "FLASK_PORT" (toString .Values.port) -}}
{{- with .Values.database -}}
  {{- if ne .kind "none" -}}
    {{/* An image may come with one of its own. A secret one wins. */}}
    {{- $_ := set $data "DATABASE_URL" "" -}}
  {{- end -}}
  {{- $host := include "dogapp.databaseHost" $ -}}
  {{- if $host -}}
    {{- $address := dict "DB_ENGINE" .engine "DB_HOST" $host "DB_PORT" (include "dogapp.databasePort" $) "DB_NAME" .name "DB_USER" .user -}}
    {{- $data = merge $address $data -}}
  {{- end -}}
{{- end -}}
{{- range $name, $value := .Values.env -}}
  {{- if kindIs "invalid" $value -}}
    {{- $_ := unset $data $name -}}
  {{- else -}}
    {{- $_ := set $data $name (include "dogapp.text" $value) -}}
  {{- end -}}
{{- end -}}
{{- $data | toRawJson -}}
{{- end -}}

{{/* A value as text; every number from YAML is a float, which would be written as 1e+06. */}}
{{- define "dogapp.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) -}}
{{ int64 . }}
{{- else -}}
{{ . }}
{{- end -}}
{{- end -}}
