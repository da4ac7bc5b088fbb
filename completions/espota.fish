# fish completion for espota: commands are listed here, options come from the program itself.

function __espota_options
    set -l words (commandline -opc)
    test (count $words) -ge 2; or return
    espota --dump-options 2>/dev/null | awk -F '\t' -v c=$words[2] '$1 == c { print "--" $2 "\t" $5 }'
end

set -l commands plan flash ota status boot confirm rollback info devices read write verify erase backup restore monitor reset table image fs nvs key sign provision config sim help
complete -c espota -f -n "not __fish_seen_subcommand_from $commands" -a "$commands"
complete -c espota -n "__fish_seen_subcommand_from $commands" -a "(__espota_options)"
