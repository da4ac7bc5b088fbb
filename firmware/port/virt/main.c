#include "virt.h"

int main(void);

int main(void)
{
    virt_begin();
    bare_serve(&virt_board);
    return 0;
}
