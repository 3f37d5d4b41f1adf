import type { Finding } from '../api/contract/server.ts'

/** Programs that one part of the work runs, with the Debian package each comes in. */
export type Use = Readonly<{ use: string; programs: Readonly<Record<string, string>> }>

/** Nothing that every server does: whoever wants one of these needs its programs. */
export const USES: readonly Use[] = [
  { use: 'deployments (the management OS)', programs: { 'apt-get': 'apt', 'dpkg-deb': 'dpkg' } },
  { use: 'fetched releases and packed disks', programs: { gpgv: 'gpgv', xz: 'xz-utils' } },
  { use: 'passwords inside volumes', programs: { openssl: 'openssl' } },
  {
    use: 'reveille image build',
    programs: {
      fakeroot: 'fakeroot',
      'mkfs.ext4': 'e2fsprogs',
      'mkfs.vfat': 'dosfstools',
      mcopy: 'mtools',
      'grub-mkimage': 'grub-common',
    },
  },
]

/** What is not there is said with what it is for, and is no failure. */
export function judgePrograms(found: ReadonlySet<string>): Finding[] {
  return USES.map(({ use, programs }) => {
    const missing = Object.keys(programs).filter((name) => !found.has(name))
    const packages = [...new Set(missing.map((name) => programs[name]!))].join(' ')
    return {
      check: `for ${use}`,
      status: 'ok',
      found:
        missing.length === 0
          ? `all is there (${Object.keys(programs).join(', ')})`
          : `not possible yet: ${missing.join(', ')} missing; who wants it: apt-get install --no-install-recommends ${packages}`,
      next: null,
    }
  })
}
