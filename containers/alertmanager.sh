# The configuration of Alertmanager: whom it tells, by ALERT_WEBHOOK_URL and the values of ALERT_SMTP_*. Sourced by
# secrets.sh, which writes it as a secret: it holds the webhook's address and the password of the mail server.
# Without any of them alerts are grouped and shown at port 9093, and nobody is told.

alertmanager_config() {
    check_alert_values
    printf 'route:\n  receiver: people\n  group_by: [alertname]\n  group_wait: 30s\n  group_interval: 5m\n  repeat_interval: 4h\n'
    printf 'receivers:\n  - name: people\n'
    if [ -n "${ALERT_WEBHOOK_URL:-}" ]; then webhook_config; fi
    if [ -n "${ALERT_SMTP_HOST:-}" ]; then mail_config; fi
}

webhook_config() {
    if is_slack; then
        printf '    slack_configs:\n      - api_url: %s\n        send_resolved: true\n' "$(quoted "$ALERT_WEBHOOK_URL")"
        printf '        title: "{{ .Status | toUpper }}: {{ (index .Alerts 0).Annotations.summary }}"\n'
        printf '        text: "{{ range .Alerts }}{{ .Annotations.description }}\\n{{ end }}"\n'
    else
        printf '    webhook_configs:\n      - url: %s\n        send_resolved: true\n' "$(quoted "$ALERT_WEBHOOK_URL")"
    fi
}

is_slack() {
    case ${ALERT_WEBHOOK_FORM:-auto} in slack) return 0 ;; json) return 1 ;; esac
    case $ALERT_WEBHOOK_URL in https://hooks.slack.com/* | http://hooks.slack.com/*) return 0 ;; esac
    return 1
}

mail_config() {
    printf '    email_configs:\n      - to: %s\n        from: %s\n        smarthost: %s\n        send_resolved: true\n' \
        "$(quoted "$ALERT_SMTP_TO")" "$(quoted "$ALERT_SMTP_FROM")" "$(quoted "$ALERT_SMTP_HOST")"
    [ -z "${ALERT_SMTP_USERNAME:-}" ] || printf '        auth_username: %s\n        auth_password: %s\n' \
        "$(quoted "$ALERT_SMTP_USERNAME")" "$(quoted "${ALERT_SMTP_PASSWORD:-}")"
}

# A text of YAML in single quotes, in which only they need care.
quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/''/g")"; }

check_alert_values() {
    case ${ALERT_WEBHOOK_FORM:-auto} in auto | json | slack) ;; *) fail "ALERT_WEBHOOK_FORM must be auto, json or slack." ;; esac
    case ${ALERT_WEBHOOK_URL:-} in '' | http://?* | https://?*) ;; *) fail "ALERT_WEBHOOK_URL must begin with https:// or http://." ;; esac
    [ -n "${ALERT_SMTP_HOST:-}" ] || return 0
    [[ $ALERT_SMTP_HOST == ?*:?* ]] || fail "ALERT_SMTP_HOST must be host:port, such as smtp.example.com:587."
    [ -n "${ALERT_SMTP_FROM:-}" ] && [ -n "${ALERT_SMTP_TO:-}" ] || fail "ALERT_SMTP_HOST needs ALERT_SMTP_FROM and ALERT_SMTP_TO, too."
}
