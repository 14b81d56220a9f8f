{{/* Parts of the app's pods. */}}

{{- define "dogapp.probe" -}}
{{- if .path -}}
httpGet: {path: {{ .path | quote }}, port: http}
{{- else -}}
tcpSocket: {port: http}
{{- end }}
{{ toYaml (omit . "path") }}
{{- end -}}

{{/* Until everybody knows that the pod ends, it goes on serving. */}}
{{- define "dogapp.sleep" -}}
{{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version -}}
sleep: {seconds: {{ .Values.shutdown.delaySeconds }}}
{{- else -}}
exec: {command: [sleep, {{ .Values.shutdown.delaySeconds | quote }}]}
{{- end -}}
{{- end -}}

{{/* On which nodes the pods are put. Preferences all of them: one node is enough. */}}
{{- define "dogapp.scheduling" -}}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .Values.spread.affinity }}
affinity:
  {{- toYaml .Values.spread.affinity | nindent 2 }}
{{- else if .Values.spread.enabled }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "dogapp.selector" (list . "app") | nindent 14 }}
{{- end }}
{{- if .Values.spread.constraints }}
topologySpreadConstraints:
  {{- toYaml .Values.spread.constraints | nindent 2 }}
{{- else if .Values.spread.enabled }}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    # Pods of the old version, which are about to end, do not count.
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "dogapp.selector" (list $ "app") | nindent 8 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Where the app may write, and what else there is. Maybe nothing, as `dogapp.volumes`. */}}
{{- define "dogapp.volumeMounts" -}}
{{- range $i, $path := .Values.writablePaths }}
- {name: writable-{{ $i }}, mountPath: {{ $path }}}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "dogapp.volumes" -}}
{{- range $i, $path := .Values.writablePaths }}
- {name: writable-{{ $i }}, emptyDir: {}}
{{- end }}
{{- if eq .Values.database.kind "cloudsql" }}
{{- with .Values.database.cloudsql.keySecret }}
- {name: cloudsql-key, secret: {secretName: {{ . }}}}
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
