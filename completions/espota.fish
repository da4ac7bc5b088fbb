# fish completion for espota: what could come next is asked of the program itself.

function __espota_complete
    set -l words (commandline -opc)[2..]
    set -l current (commandline -ct)
    set -l prefix (string match -r '^(?:--[^=]*=)?(?:file:)?' -- $current)
    espota --complete $words "$current" 2>/dev/null | while read -l candidate; and read -l what
        if test "$candidate" = :files
            for file in (__fish_complete_path (string replace -r '^(--[^=]*=)?(file:)?' '' -- $current))
                set -l parts (string split \t -- $file)
                set -l ending (string match -r '[^.]*$' -- $parts[1])
                if test "$what" = '*'; or string match -q '*/' -- $parts[1]; or contains -- "$ending" (string split ' ' -- $what)
                    printf '%s%s\n' "$prefix" $parts[1]
                end
            end
        else
            test "$what" = -; and set what ''
            printf '%s\t%s\n' $candidate $what
        end
    end
end

complete -c espota -f -a '(__espota_complete)'
