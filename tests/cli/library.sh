#!/usr/bin/env bash
# libespota as other programs meet it: its names, and nothing of the command line in it.
. "$(dirname "$0")/../lib.sh"

exported=$(nm -D --defined-only "$BUILD/libespota.so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }')
archived=$(nm -g --defined-only "$BUILD/libespota.a" | awk 'NF == 3 { print $3 }')
for names in "$exported" "$archived"; do
    foreign=$(grep -v '^espota_' <<<"$names")
    if [ -n "$names" ] && [ -z "$foreign" ]; then ok "only espota_ names"; else not_ok "only espota_ names" "$foreign"; fi
    inside=$(grep -E '^espota_(ui|sim|agent_input|cli)' <<<"$names")
    if [ -z "$inside" ]; then ok "no simulator, no agent, no terminal"; else not_ok "no simulator, no agent, no terminal" "$inside"; fi
done

# every function of a public header can be linked
declared=$(sed -n 's/^[a-z].*[ *]\(espota_[a-z0-9_]*\)(.*/\1/p' "$ROOT"/include/espota/*.h | grep -v '_fn$' | sort -u)
missing=$(comm -23 <(echo "$declared") <(sort -u <<<"$exported") | while read -r name; do
    grep -qE "^(static inline|ESPOTA_BYTES_FUNCTION) .*\b$name\(" "$ROOT"/include/espota/*.h || echo "$name"
done)
if [ "$(wc -l <<<"$declared")" -gt 100 ] && [ -z "$missing" ]; then ok "what is declared is exported"; else not_ok "what is declared is exported" "$missing"; fi

# it is C: no other language's runtime comes with it
runtime=$(readelf -d "$BUILD/libespota.so" | grep -E 'NEEDED.*(stdc\+\+|gcc_s|toml)' || true)
names=$(nm -u "$BUILD/libespota.a" | grep -E '__cxa|__gxx|_Z' | grep -v __cxa_finalize || true)
if [ -z "$runtime$names" ]; then ok "it needs no runtime but C's"; else not_ok "it needs no runtime but C's" "$runtime" "$names"; fi

# it leaves the process alone
calls=$(nm -D --undefined-only "$BUILD/libespota.so" | awk '{ print $2 }' | sed 's/@.*//' | grep -xE 'signal|sigaction|sigprocmask|setlocale|exit|_exit|printf|puts|putchar|chdir|fchdir|setenv|putenv|unsetenv|umask|atexit|abort|alarm|setitimer|setrlimit|fork|strtok|rand|srand|localtime|gmtime|asctime|ctime')
if [ -z "$calls" ]; then ok "it calls nothing that changes the process"; else not_ok "it calls nothing that changes the process" "$calls"; fi

# nothing waits by select(), which knows no descriptor from 1024 on: of many devices there are more
for binary in "$BUILD/libespota.so" "$BUILD/espota"; do
    calls=$(nm -D --undefined-only "$binary" | awk '{ print $2 }' | sed 's/@.*//' | grep -xE 'p?select|__fdelt_chk|curl_multi_fdset|sp_blocking_.*')
    if [ -z "$calls" ]; then ok "${binary##*/} waits by no call that has a limit"; else not_ok "${binary##*/} waits by no call that has a limit" "$calls"; fi
done

# nothing that two threads could share: every object with static storage is constant
if [ -n "${ESPOTA_SANITIZED:-}" ]; then
    skip "it keeps nothing in static variables" "the sanitizers keep some of their own"
else
    shared=$(objdump -t "$BUILD/libespota.a" | awk '$4 ~ /^\.(data|bss|tdata|tbss)$/ || $3 ~ /^\.(data|bss|tdata|tbss)$/' | grep -v ' d ' || true)
    if [ -z "$shared" ]; then ok "it keeps nothing in static variables"; else not_ok "it keeps nothing in static variables" "$shared"; fi
fi
