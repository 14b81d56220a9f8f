{{/* Names, labels and images. */}}

{{- define "dogapp.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{- define "dogapp.databaseName" -}}
{{ include "dogapp.fullname" . }}-mysql
{{- end -}}

{{- define "dogapp.serviceAccount" -}}
{{- $own := ternary (include "dogapp.fullname" .) "default" .Values.serviceAccount.create -}}
{{- default $own .Values.serviceAccount.name -}}
{{- end -}}

{{/* What a selector may rely on: it never changes. Takes (list . COMPONENT). */}}
{{- define "dogapp.selector" -}}
{{- $ := first . -}}
app.kubernetes.io/name: {{ default $.Chart.Name $.Values.nameOverride }}
app.kubernetes.io/instance: {{ $.Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end -}}

{{/* The labels of pods; those of the database stay when a new version of the app comes. */}}
{{- define "dogapp.podLabels" -}}
{{- $ := first . -}}
{{- $image := ternary $.Values.database.image $.Values.image (eq (last .) "database") -}}
{{ include "dogapp.selector" . }}
app.kubernetes.io/version: {{ include "dogapp.tag" (list $ $image) | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ $.Release.Service }}
app.kubernetes.io/part-of: {{ include "dogapp.fullname" $ }}
{{- end -}}

{{/* The labels of everything else. */}}
{{- define "dogapp.labels" -}}
{{ include "dogapp.podLabels" . }}
helm.sh/chart: {{ printf "%s-%s" (first .).Chart.Name ((first .).Chart.Version | replace "+" "_") | trunc 63 | trimAll "-_." }}
{{- end -}}

{{- define "dogapp.tag" -}}
{{- default (first .).Chart.AppVersion (last .).tag -}}
{{- end -}}

{{/* Takes (list . IMAGE): the image by its digest if it has one. */}}
{{- define "dogapp.image" -}}
{{- $image := last . -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ include "dogapp.tag" . }}
{{- end -}}
{{- end -}}

{{/* `image` and `imagePullPolicy` of a container. */}}
{{- define "dogapp.containerImage" -}}
image: {{ include "dogapp.image" . }}
{{- with (last .).pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- end -}}

{{- define "dogapp.pullSecrets" -}}
{{- with .Values.image.pullSecrets -}}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* What the Pod Security Standard `restricted` asks of a container, and no file to write to. */}}
{{- define "dogapp.hardened" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}
