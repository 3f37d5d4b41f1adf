import type { Nexus } from '../../protocols/scsi/logical-unit.ts'
import type { DiskLun } from './disk-lun.ts'

/** A LUN as one session sees it. */
export type SessionLun = Readonly<{ lun: DiskLun; nexus: Nexus }>
