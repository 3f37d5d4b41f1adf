import { expect, test } from 'vitest'
import { buildImage } from './build.ts'

test('an image for Secure Boot must boot by UEFI', async () => {
  const order = {
    file: '/nowhere/disk.img',
    from: '/nowhere',
    cmdline: '',
    firmware: ['bios'],
    secureBoot: true,
  } as const
  await expect(buildImage(order, () => undefined)).rejects.toThrow('a BIOS knows no Secure Boot')
})
