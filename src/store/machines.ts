import type { Kysely } from 'kysely'
import type { Mac } from '../kit/mac.ts'
import type { Architecture, BootLoader, Firmware, Machine, MachineState, NextBoot } from '../machines/machine.ts'
import type { MachineRepository } from '../machines/repository.ts'
import { Bulk } from './bulk.ts'
import type { MachineRow, Tables } from './tables.ts'

export function machineRepository(db: Kysely<Tables>): MachineRepository {
  const upsert = new Bulk<MachineRow>((rows) =>
    db
      .insertInto('machines')
      .values(rows)
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet((values) => ({
          name: values.ref('excluded.name'),
          state: values.ref('excluded.state'),
          macs_json: values.ref('excluded.macs_json'),
          uuid: values.ref('excluded.uuid'),
          serial: values.ref('excluded.serial'),
          manufacturer: values.ref('excluded.manufacturer'),
          product: values.ref('excluded.product'),
          architecture: values.ref('excluded.architecture'),
          firmware: values.ref('excluded.firmware'),
          boot_loader: values.ref('excluded.boot_loader'),
          tags_json: values.ref('excluded.tags_json'),
          notes: values.ref('excluded.notes'),
          ip: values.ref('excluded.ip'),
          hostname: values.ref('excluded.hostname'),
          profile: values.ref('excluded.profile'),
          next_boot_json: values.ref('excluded.next_boot_json'),
          created_at: values.ref('excluded.created_at'),
          updated_at: values.ref('excluded.updated_at'),
          last_seen_at: values.ref('excluded.last_seen_at'),
          last_address: values.ref('excluded.last_address'),
        })),
      ),
  )
  return {
    async all() {
      const rows = await db.selectFrom('machines').selectAll().orderBy('created_at').orderBy('id').execute()
      return rows.map(fromRow)
    },
    save: (machine) => upsert.write(db, [toRow(machine)]),
    async saveAll(machines) {
      if (machines.length === 0) return
      await db.transaction().execute(async (transaction) => {
        // Names may change hands within one call, and they are unique at every moment: make room first.
        for (const machine of machines) await transaction.deleteFrom('machines').where('id', '=', machine.id).execute()
        await upsert.write(transaction, machines.map(toRow))
      })
    },
    async remove(id) {
      await db.deleteFrom('machines').where('id', '=', id).execute()
    },
  }
}

function toRow(machine: Machine): MachineRow {
  return {
    id: machine.id,
    name: machine.name,
    state: machine.state,
    macs_json: JSON.stringify(machine.macs),
    uuid: machine.uuid,
    serial: machine.serial,
    manufacturer: machine.manufacturer,
    product: machine.product,
    architecture: machine.architecture,
    firmware: machine.firmware,
    boot_loader: machine.bootLoader,
    tags_json: JSON.stringify(machine.tags),
    notes: machine.notes,
    ip: machine.ip,
    hostname: machine.hostname,
    profile: machine.profile,
    next_boot_json: machine.nextBoot && JSON.stringify(machine.nextBoot),
    created_at: machine.createdAt,
    updated_at: machine.updatedAt,
    last_seen_at: machine.lastSeenAt,
    last_address: machine.lastAddress,
  }
}

function fromRow(row: MachineRow): Machine {
  return {
    id: row.id,
    name: row.name,
    state: row.state as MachineState,
    macs: JSON.parse(row.macs_json) as Mac[],
    uuid: row.uuid,
    serial: row.serial,
    manufacturer: row.manufacturer,
    product: row.product,
    architecture: row.architecture as Architecture | null,
    firmware: row.firmware as Firmware | null,
    bootLoader: row.boot_loader as BootLoader,
    tags: JSON.parse(row.tags_json) as string[],
    notes: row.notes,
    ip: row.ip,
    hostname: row.hostname,
    profile: row.profile,
    nextBoot: row.next_boot_json === null ? null : (JSON.parse(row.next_boot_json) as NextBoot),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    lastSeenAt: row.last_seen_at,
    lastAddress: row.last_address,
  }
}
