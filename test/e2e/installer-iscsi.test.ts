import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { Bed, SERVER } from './bed/bed.ts'
import { debianInstaller } from './bed/debian-installer.ts'
import { DebianMirror } from './bed/debian-mirror.ts'
import { offerBundle } from './bed/linux.ts'
import { until } from './bed/until.ts'

const MIRROR = '10.77.0.9'
/** Of the word reveille. */
const HASH = '$6$reveille$0XzUREQeb.kxXGv2lRfsk7oaAvwPg813Jj91X9af5v8sAoWLEun/FveAOUuQsQmz55zhaIXltaz5ina8saJUO/'
const HOUR = 3_600_000
/** No packages that nobody needs here, and a line to type at when it runs. */
const LESS = `d-i base-installer/install-recommends boolean false
d-i pkgsel/run_tasksel boolean false
d-i pkgsel/upgrade select none
d-i apt-setup/services-select multiselect
d-i apt-setup/enable-source-repositories boolean false
d-i hw-detect/firmware-lookup string never
d-i debian-installer/add-kernel-opts string console=ttyS0
`

let bed: Bed
let mirror: DebianMirror | undefined

/** Hours without hardware virtualisation, and packages from a mirror. */
describe.runIf(process.env.REVEILLE_SOAK)('Debian installs itself onto a disk over iSCSI', () => {
  beforeAll(async () => {
    const installer = await debianInstaller()
    bed = await Bed.make()
    mirror = await DebianMirror.make(bed, bed.bridge, MIRROR)
    const server = await bed.serve({
      dhcp: { mode: 'server', interfaces: ['br0'] },
      networks: [{ name: 'wire', subnet: '10.77.0.0/24', interface: 'br0', router: SERVER, dns: [SERVER] }],
    })
    await offerBundle(server, 'debian-installer', { ...installer, cmdline: '' })
    const recipe = parse(readFileSync('recipes/debian-iscsi/recipe.yaml', 'utf8'))
    recipe.volumes[0].bytes = 4 * 2 ** 30
    recipe.configs[0].parts[0].content += LESS
    recipe.profiles[0].cmdline = `console=ttyS0 DEBIAN_FRONTEND=text ${recipe.profiles[0].cmdline}`
    await server.api('POST', '/apply', recipe)
    await server.api('PUT', '/config-values/all/password_hash', { value: HASH, secret: true })
    await server.api('PUT', '/config-values/all/mirror', { value: MIRROR })
  }, 900_000)
  afterAll(async () => {
    await bed?.remove()
    await mirror?.remove()
  })

  test(
    'and boots from it afterwards',
    async () => {
      const wish = { name: 'debian', memoryMiB: 1536 }
      const vm = await bed.known(wish, 'debian-iscsi')
      await bed.server.api('PUT', '/machines/debian/boot', { once: 'debian-iscsi-install' })
      await vm.on()
      const events = async (kind: string) => (await bed.trace(vm))?.events.filter((each) => each.kind === kind) ?? []
      await until(
        'it is installed',
        3 * HOUR,
        async () => {
          const lacking = mirror?.missed.find((each) => each.startsWith('/pool/'))
          if (lacking !== undefined) throw new Error(`the mirror has not all that the installer needs: ${lacking}`)
          return (await events('http.home'))[0]
        },
        2000,
      )
      const [given] = await events('http.file')
      expect(given?.detail).toMatchObject({ file: 'preseed.cfg', status: 200 })

      await vm.shows(/debian login:/, HOUR)
      vm.type('root\r')
      await vm.shows(/Password:/, HOUR)
      vm.type('reveille\r')
      await vm.shows(/root@debian:~#/, HOUR)
      vm.forget()
      vm.type('iscsiadm -m session; cat /etc/iscsi/iscsi.initramfs; ls -A /etc/iscsi; echo all $((1 + 1))\r')
      await vm.shows(/all 2/, HOUR)
      expect(vm.printed).toMatch(/tcp: \[1\] 10\.77\.0\.1:3260[\s\S]*ISCSI_AUTO=true/)
      expect(vm.printed).not.toMatch(/nodes|send_targets/)
      await vm.off()
    },
    5 * HOUR,
  )
})
