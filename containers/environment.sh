# The values of the stack: the shell's, then .env.<mode>.secrets, then .env.<mode>. Sourced by stack.sh.

env_file=${ENV_FILE:-.env.$mode}
credentials=(API_KEY MONGO_USERNAME MONGO_PASSWORD MLFLOW_TRACKING_USERNAME MLFLOW_TRACKING_PASSWORD PREFECT_AUTH_STRING
    REPORTS_USERNAME REPORTS_PASSWORD GRAFANA_USERNAME GRAFANA_PASSWORD)

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
fail() { printf '\033[31m%s\033[0m\n' "$*" >&2; exit 1; }

load_environment() {
    [ -f "$env_file" ] || fail "There is no env=$mode: use env=embedded, env=local or env=cloud."
    if [ -f "$env_file.secrets" ]; then read_values "$env_file.secrets"; fi
    read_values "$env_file"
    memory=.state/$STACK_NETWORK
    # The Compose files write it before the name of an image.
    export REGISTRY=${REGISTRY:+${REGISTRY%/}/}
}

# Plain KEY=value lines; nothing is expanded, and what is set already stays.
read_values() {
    local line key
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in '' | '#'*) continue ;; esac
        key=${line%%=*}
        if [ -z "${!key:-}" ]; then export "$key=${line#*=}"; fi
    done <"$1"
}

env_file_value() { sed -n "s/^$1=//p" "$env_file"; }

# The local stack needs no secrets. The cloud stack starts only with all of them.
check_credentials() {
    check_mode
    if [ "$mode" = local ]; then return; fi
    local name bad=()
    for name in "${credentials[@]}"; do
        if [ -z "${!name:-}" ]; then
            bad+=("$name is missing")
        elif is_default "${!name}"; then
            bad+=("$name is a default value")
        elif [[ $name =~ PASSWORD|KEY|AUTH ]] && [ "$(secret_length "${!name}")" -lt 12 ]; then
            bad+=("$name has fewer than 12 characters")
        fi
    done
    if [ "${#bad[@]}" -gt 0 ]; then
        printf '  %s\n' "${bad[@]}" >&2
        fail "Nothing was started. Give these in $env_file.secrets (KEY=value lines, mode 600, never committed) or in the shell."
    fi
    [[ $PREFECT_AUTH_STRING == ?*:?* ]] || fail "PREFECT_AUTH_STRING must be name:password. Nothing was started."
    for name in MONGO_USERNAME MLFLOW_TRACKING_USERNAME; do
        case ${!name} in servers | flows | monitor | shadow) fail "$name must not be ${!name}, the name of a service's user. Nothing was started." ;; esac
    done
    export CREDENTIALS=checked
}

# `ls` shows a file's mode in the same way on every system.
check_mode() {
    local listed
    [ -f "$env_file.secrets" ] || return 0
    listed=$(ls -lnL "$env_file.secrets")
    [ "${listed:4:6}" = ------ ] ||
        fail "Nothing was started: $env_file.secrets can be read by other users of this machine. Run: chmod 600 $env_file.secrets"
}

is_default() {
    case ${1,,} in admin | root | user | password | changeme | change-me | secret | test | local | admin:admin | admin:password) return 0 ;; esac
    return 1
}

# Of name:password, the length of the password.
secret_length() { local secret=${1#*:}; printf '%s' "${#secret}"; }

# Showing or stopping a stack needs no secret, but Compose requires a value.
fill_in_credentials() { export CREDENTIALS=${CREDENTIALS:-none}; }
