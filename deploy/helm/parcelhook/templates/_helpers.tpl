{{- define "parcelhook.labels" -}}
app.kubernetes.io/name: parcelhook
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "parcelhook.env" -}}
- {name: PARCELHOOK_HOST, value: "0.0.0.0"}
- {name: PARCELHOOK_PORT, value: "8080"}
- {name: PARCELHOOK_LOG_FORMAT, value: json}
- {name: PARCELHOOK_STOP_GRACE, value: {{ .Values.stopGraceSeconds | quote }}}
{{- $secret := .Values.existingSecret }}
{{- range $key := list "DATABASE_URL" "SECRET_KEY" "API_KEY" }}
- name: PARCELHOOK_{{ $key }}
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: {{ $key }}}}
{{- end }}
{{- if .Values.nats.enabled }}
- name: PARCELHOOK_NATS_URL
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: NATS_URL}}
- {name: PARCELHOOK_NATS_REPLICAS, value: {{ .Values.nats.replicas | quote }}}
{{- end }}
{{- range $name, $value := .Values.settings }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}
