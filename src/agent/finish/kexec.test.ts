import { describe, expect, test } from 'vitest'
import { firstBoot } from './kexec.ts'

describe('the first entry of a GRUB menu', () => {
  test('as distributions write it', () => {
    const menu = [
      "menuentry 'Debian GNU/Linux' --class debian {",
      '\tsearch --no-floppy --fs-uuid --set=root 1234',
      '\tlinux\t/boot/vmlinuz-6.1 root=UUID=1234 ro  quiet',
      '\tinitrd\t/boot/initrd.img-6.1',
      '}',
      "menuentry 'older' {",
      '\tlinux\t/boot/vmlinuz-5.10 root=UUID=1234 ro',
      '\tinitrd\t/boot/initrd.img-5.10',
      '}',
    ].join('\n')
    expect(firstBoot(menu)).toEqual({
      kernel: '/boot/vmlinuz-6.1',
      line: 'root=UUID=1234 ro  quiet',
      initrd: '/boot/initrd.img-6.1',
    })
  })

  test('with every word between quotes', () => {
    const menu = "menuentry 'Linux' {\n  linux '/boot/vmlinuz' 'root=PARTUUID=1' 'rw'\n  initrd '/boot/initrd'\n}\n"
    expect(firstBoot(menu)).toEqual({ kernel: '/boot/vmlinuz', line: 'root=PARTUUID=1 rw', initrd: '/boot/initrd' })
  })

  test('without an initrd, even if the next entry has one', () => {
    const menu = 'menuentry a {\n linux /a x\n}\nmenuentry b {\n linux /b y\n initrd /c\n}\n'
    expect(firstBoot(menu)).toEqual({ kernel: '/a', line: 'x', initrd: undefined })
  })

  test('is not guessed when it has variables, or is not there', () => {
    expect(firstBoot('linux ($root)/vmlinuz root=/dev/sda1')).toBeUndefined()
    expect(firstBoot('set timeout=1')).toBeUndefined()
  })
})
