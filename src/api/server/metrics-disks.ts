import { Gauge, type Registry } from 'prom-client'
import { VOLUME_CONDITIONS } from '../../volumes/volume.ts'
import type { ApiDependencies } from './dependencies.ts'

/** Volumes, sessions and the pool, in numbers. Names of volumes and machines are not in them. */
export function serveDiskMetrics(registers: Registry[], { disks }: Pick<ApiDependencies, 'disks'>): void {
  const { volumes, targets, rates } = disks
  new Gauge({
    name: 'reveille_volumes',
    help: 'Volumes by condition',
    labelNames: ['condition'],
    registers,
    collect() {
      this.reset()
      for (const condition of VOLUME_CONDITIONS) this.set({ condition }, 0)
      for (const { condition } of volumes.ledger.volumes()) this.inc({ condition })
    },
  })
  new Gauge({
    name: 'reveille_iscsi_sessions',
    help: 'iSCSI sessions now',
    registers,
    async collect() {
      this.set((await targets.sessions()).length)
    },
  })
  new Gauge({
    name: 'reveille_iscsi_targets',
    help: 'iSCSI targets; failed: those that cannot be served now',
    labelNames: ['state'],
    registers,
    collect() {
      const failed = targets.failures().size
      this.set({ state: 'failed' }, failed)
      this.set({ state: 'served' }, volumes.ledger.attachments().length - failed)
    },
  })
  new Gauge({
    name: 'reveille_iscsi_bytes_per_second',
    help: 'What all sessions read and write',
    labelNames: ['direction'],
    registers,
    async collect() {
      const all = (await targets.sessions()).map(({ id }) => rates.of(id))
      this.set({ direction: 'read' }, sum(all.map(({ readBytesPerSecond }) => readBytesPerSecond)))
      this.set({ direction: 'write' }, sum(all.map(({ writtenBytesPerSecond }) => writtenBytesPerSecond)))
    },
  })
  new Gauge({
    name: 'reveille_pool_bytes',
    help: 'The pool of volumes: total and free bytes of what is behind it, and what volumes use',
    labelNames: ['what'],
    registers,
    async collect() {
      const { totalBytes, freeBytes, usedBytes } = await volumes.pool.usage()
      this.set({ what: 'total' }, totalBytes)
      this.set({ what: 'free' }, freeBytes)
      this.set({ what: 'used' }, usedBytes)
    },
  })
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0)
}
