/* For tests of espota/symbols.h: a crash three calls deep, one of them inlined. */
struct sensor { volatile int *reading; int offset; };
extern void report(int value);

static inline __attribute__((always_inline)) int take(const struct sensor *s)
{
    return *s->reading + s->offset;
}

__attribute__((noinline)) int read_sensor(const struct sensor *s)
{
    int value = take(s);
    report(value);
    return value + 1;
}

__attribute__((noinline)) int poll_sensors(const struct sensor *s, int count)
{
    int sum = 0;
    for (int i = 0; i < count; i++)
        sum += read_sensor(s + i);
    return sum;
}

__attribute__((noinline)) void report(int value)
{
    __asm__ volatile("" : : "r"(value));
}

__attribute__((noreturn)) void app_main(void)
{
    static volatile int reading;
    struct sensor s[2];
    s[0].reading = &reading;
    s[0].offset = 1;
    s[1].reading = 0;
    s[1].offset = 2;
    for (;;)
        report(poll_sensors(s, 2));
}
