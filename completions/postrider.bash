# bash completion for postrider(1)

_postrider_options() {
    local line='--server --account --config --helo --timeout --deadline --source-address --ipv4 --ipv6
        --no-pipelining --no-chunking --fast-open --from --to --cc --bcc --envelope-from --user --auth --password-command
        --password-file --password-fd --insecure-auth-in-clear --tls-name --ca-file --ca-path --crl-file
        --client-cert --client-key --fingerprint --insecure-no-verify --verbose --quiet --json --help'
    case $1 in
    send)
        printf '%s\n' "$line" --subject --header --reply-to --in-reply-to --date --message-id --priority --body \
            --body-file --html --attach --inline --message --merge --template --to-column --mbox --window \
            --connections --messages-per-connection --rate --journal --in-doubt --retry-refused --all-or-nothing --dsn --dsn-return --dsn-id --dry-run \
            --progress
        ;;
    check) printf '%s\n' "$line" ;;
    sink)
        printf '%s\n' --listen --unix --allow-remote --port-file --lmtp --idle-timeout --tls --cert --key \
            --write-cert --require-tls --user --password-file --password-env --auth-optional --maildir --json \
            --quiet --verbose --lines --discard --count --size-limit --line-limit --no --reject-sender --reject \
            --reject-delivery --reject-content --delay --fail --fail-first --help
        ;;
    *) printf '%s\n' --help --version ;;
    esac
}

_postrider_accounts() {
    sed -n 's/^[[:space:]]*\[account\.\([^]]*\)\].*/\1/p' \
        "${XDG_CONFIG_HOME:-$HOME/.config}/postrider/config.toml" 2>/dev/null
}

_postrider() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
    COMPREPLY=()
    if [[ $COMP_CWORD -eq 1 ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'send check sink help --help --version' -- "$current")
        return
    fi
    case $previous in
    --config | --password-file | --ca-file | --crl-file | --client-cert | --client-key | --body-file | --html | \
        --attach | --message | --merge | --template | --journal | --cert | --key | --write-cert | --port-file | --unix)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --ca-path | --maildir)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        return
        ;;
    --account) mapfile -t COMPREPLY < <(compgen -W "$(_postrider_accounts)" -- "$current") ;;
    --auth) mapfile -t COMPREPLY < <(compgen -W 'PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256 OAUTHBEARER XOAUTH2' -- "$current") ;;
    --mbox) mapfile -t COMPREPLY < <(compgen -W 'rd o' -- "$current") ;;
    --window) mapfile -t COMPREPLY < <(compgen -W 'auto 1 16 64' -- "$current") ;;
    --connections) mapfile -t COMPREPLY < <(compgen -W '1 2 4 8 16' -- "$current") ;;
    --in-doubt) mapfile -t COMPREPLY < <(compgen -W 'skip repeat' -- "$current") ;;
    --priority) mapfile -t COMPREPLY < <(compgen -W 'high normal low' -- "$current") ;;
    --progress) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$current") ;;
    --dsn) mapfile -t COMPREPLY < <(compgen -W 'never success failure delay' -- "$current") ;;
    --dsn-return) mapfile -t COMPREPLY < <(compgen -W 'full headers' -- "$current") ;;
    --tls) mapfile -t COMPREPLY < <(compgen -W 'none starttls implicit' -- "$current") ;;
    help) mapfile -t COMPREPLY < <(compgen -W 'send check sink' -- "$current") ;;
    *)
        [[ $current != -* ]] ||
            mapfile -t COMPREPLY < <(compgen -W "$(_postrider_options "$command")" -- "$current")
        ;;
    esac
}

complete -F _postrider postrider
