import type { Workload } from './iscsi-client.ts'

/** `first`: of a disk that nobody has written to. */
export const ALL_WORKLOADS: readonly (Omit<Workload, 'span' | 'seconds' | 'seed'> & { name: string; first?: true })[] =
  [
    { name: '4K random read, depth 1', write: false, bytes: 4096, depth: 1, random: true },
    { name: '4K random read, depth 8', write: false, bytes: 4096, depth: 8, random: true },
    { name: '4K random read, depth 32', write: false, bytes: 4096, depth: 32, random: true },
    { name: '64K read, depth 8', write: false, bytes: 65_536, depth: 8, random: false },
    { name: '256K read, depth 8', write: false, bytes: 262_144, depth: 8, random: false },
    { name: '4K random write, depth 1', write: true, bytes: 4096, depth: 1, random: true },
    { name: '4K random write, depth 8', write: true, bytes: 4096, depth: 8, random: true },
    { name: '4K random write, depth 32', write: true, bytes: 4096, depth: 32, random: true },
    { name: '64K write, depth 8', write: true, bytes: 65_536, depth: 8, random: false },
    { name: '256K write, depth 8', write: true, bytes: 262_144, depth: 8, random: false },
    { name: '64K first write, depth 8', write: true, bytes: 65_536, depth: 8, random: false, first: true },
    { name: '256K first write, depth 8', write: true, bytes: 262_144, depth: 8, random: false, first: true },
  ]
/** Some of them, without the boot storm: a regular expression that their names match. */
export const ONLY = process.env.REVEILLE_BENCH_ONLY
export const WORKLOADS = ALL_WORKLOADS.filter(({ name }) => !ONLY || new RegExp(ONLY).test(name))

/** Tables in markdown. */
export const row = (cells: readonly string[]) => console.log(`| ${cells.join(' | ')} |`)
export const head = (cells: readonly string[]) => {
  row(cells)
  row(cells.map(() => '---'))
}
