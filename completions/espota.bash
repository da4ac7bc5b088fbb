# bash completion for espota: what could come next is asked of the program itself.
# shellcheck shell=bash

_espota() {
    local words=() word previous='' candidate what prefix i
    # readline ends words at '=' and ':'; put "--chip=esp32" and "tcp://host" together again
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [ ${#words[@]} -gt 0 ] && { [[ $word == [:=]* ]] || [[ $previous == [:=]* ]]; }; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
        previous=$word
    done
    word=${words[-1]:-}
    # what is to be replaced begins behind the last of them
    prefix=
    case $word in *[:=]*) prefix=${word%"${word##*[:=]}"} ;; esac
    COMPREPLY=()
    while IFS= read -r candidate && IFS= read -r what; do
        if [ "$candidate" = :files ]; then
            _espota_files "${word#"$prefix"}" "$what"
        else
            COMPREPLY+=("${candidate#"$prefix"}")
            case $candidate in *[=:/]) compopt -o nospace 2>/dev/null ;; esac
        fi
    done < <(espota --complete "${words[@]}" 2>/dev/null)
}

# Files with one of these endings, and folders; where there are none, any files.
_espota_files() {
    local ending found=() all=()
    compopt -o filenames 2>/dev/null
    mapfile -t all < <(compgen -f -- "$1")
    for ending in $2; do
        [ "$ending" = '*' ] || mapfile -t -O "${#found[@]}" found < <(compgen -f -X "!*.$ending" -- "$1")
    done
    if [ ${#found[@]} -gt 0 ]; then
        mapfile -t -O "${#found[@]}" found < <(compgen -d -- "$1")
        COMPREPLY+=("${found[@]}")
    else
        COMPREPLY+=("${all[@]}")
    fi
}
complete -F _espota espota
