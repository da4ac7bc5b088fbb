# bash completion for espota: commands are listed here, options come from the program itself.
# shellcheck shell=bash

_espota() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local commands="plan flash ota status boot confirm rollback info devices read write verify erase backup restore monitor reset table image fs nvs key sign provision config sim help"
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$current")
        return
    fi
    case $previous in
    --fs) mapfile -t COMPREPLY < <(compgen -W "fat spiffs littlefs" -- "$current"); return ;;
    --flash) mapfile -t COMPREPLY < <(compgen -W "1M 2M 4M 8M 16M 32M" -- "$current"); return ;;
    --via) mapfile -t COMPREPLY < <(compgen -W "rom agent" -- "$current"); return ;;
    --format) mapfile -t COMPREPLY < <(compgen -W "raw hex uf2" -- "$current"); return ;;
    --flash-mode) mapfile -t COMPREPLY < <(compgen -W "keep qio qout dio dout" -- "$current"); return ;;
    --before) mapfile -t COMPREPLY < <(compgen -W "default-reset classic-reset usb-reset no-reset" -- "$current"); return ;;
    --after) mapfile -t COMPREPLY < <(compgen -W "hard-reset soft-reset watchdog-reset no-reset" -- "$current"); return ;;
    -p | --port) mapfile -t COMPREPLY < <(compgen -G "/dev/tty[UA]*" -- "$current"; compgen -f -- "$current"); return ;;
    esac
    if [[ $current == -* ]]; then
        local options
        options=$(espota --dump-options 2>/dev/null | awk -F '\t' -v c="${COMP_WORDS[1]}" '$1 == c { print "--" $2 }')
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}
complete -o filenames -F _espota espota
