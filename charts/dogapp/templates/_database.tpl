{{/* Where the database is. Nothing if there is none, or only DATABASE_URL knows. */}}
{{- define "dogapp.databaseHost" -}}
{{- with .Values.database -}}
{{- if eq .kind "mysql" -}}
{{ include "dogapp.databaseName" $ }}
{{- else if eq .kind "cloudsql" -}}
127.0.0.1
{{- else if eq .kind "external" -}}
{{ .host }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "dogapp.databasePort" -}}
{{- $usual := ternary 5432 3306 (eq .Values.database.engine "postgresql") -}}
{{- default $usual .Values.database.port -}}
{{- end -}}

{{/* What runs before the app does. Maybe nothing. */}}
{{- define "dogapp.beforeApp" -}}
{{- with .Values.database -}}
{{- if eq .kind "cloudsql" -}}
{{ include "dogapp.cloudsqlProxy" $ }}
{{- else if and .wait (eq .kind "mysql") -}}
- name: wait-for-database
  {{- include "dogapp.containerImage" (list $ .image) | nindent 2 }}
  command: [sh, -c, 'until {{ include "dogapp.ping" (include "dogapp.databaseHost" $) }}; do sleep 1; done']
  securityContext:
    {{- include "dogapp.hardened" $ | nindent 4 }}
  resources:
    requests: {cpu: 10m, memory: 32Mi}
    limits: {memory: 64Mi}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Whether a server takes connections. Over TCP: while a new database is being made, it answers on its
socket only. MariaDB has given the program a name of its own.
*/}}
{{- define "dogapp.ping" -}}
"$(command -v mariadb-admin || command -v mysqladmin)" ping --protocol=tcp --host={{ . }} --connect-timeout=2
{{- end -}}

{{/* The Cloud SQL Auth Proxy: it starts before the app, ends after it, and is found dead. */}}
{{- define "dogapp.cloudsqlProxy" -}}
{{- with .Values.database.cloudsql -}}
- name: cloud-sql-proxy
  {{- include "dogapp.containerImage" (list $ .image) | nindent 2 }}
  restartPolicy: Always
  args:
    - --structured-logs
    - --address=127.0.0.1
    - --port={{ include "dogapp.databasePort" $ }}
    - --health-check
    - --http-address=0.0.0.0
    - --http-port=9090
    - --exit-zero-on-sigterm
    {{- if .privateIp }}
    - --private-ip
    {{- end }}
    {{- if .iamLogin }}
    - --auto-iam-authn
    {{- end }}
    {{- if .keySecret }}
    - --credentials-file=/run/secrets/cloudsql/{{ .keySecretKey }}
    {{- end }}
    {{- with .args }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    - {{ .instance }}
  ports:
    - {name: proxy-health, containerPort: 9090}
  startupProbe:
    httpGet: {path: /startup, port: proxy-health}
    periodSeconds: 1
    failureThreshold: 60
  livenessProbe:
    httpGet: {path: /liveness, port: proxy-health}
    periodSeconds: 10
    failureThreshold: 3
  securityContext:
    {{- include "dogapp.hardened" $ | nindent 4 }}
  {{- with .resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .keySecret }}
  volumeMounts:
    - {name: cloudsql-key, mountPath: /run/secrets/cloudsql, readOnly: true}
  {{- end }}
{{- end -}}
{{- end -}}
