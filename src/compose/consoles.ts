import { join } from 'node:path'
import type { InstallStage } from '../boot/install/serve.ts'
import type { ConsoleSource } from '../consoles/console.ts'
import { Consoles } from '../consoles/consoles.ts'
import { FileRecords } from '../consoles/drivers/files.ts'
import type { Lab } from '../lab/lab.ts'
import type { Domain, Surroundings } from './domain.ts'

const MIB = 1024 * 1024

type Parts = Surroundings &
  Pick<Domain, 'machines'> &
  Readonly<{
    /** The serial line of a machine through one of its drivers. */
    ofDriver: (machine: string) => ConsoleSource | undefined
    lab: Pick<Lab, 'nameOf' | 'console'> | undefined
    install: Pick<InstallStage, 'console'>
  }>

/** The consoles of all machines, with records in `DATADIR/consoles`. The first that there is: of a driver, the lab, the management OS. */
export async function openConsoles({ config, dataDir, events, clock, log, machines, ofDriver, lab, install }: Parts) {
  const { record, writers, keepDays, maxMiB } = config.consoles
  const directory = join(dataDir, 'consoles')
  const records = await FileRecords.open({ directory, keepDays, maxBytes: maxMiB * MIB, clock, log })
  const ofLab = (machine: string): ConsoleSource | undefined => {
    const names = (machines.get(machine)?.macs ?? []).map((mac) => lab?.nameOf(mac))
    const name = names.find((each) => each !== undefined)
    const own = name === undefined ? undefined : lab?.console(name)
    return own && { name: 'lab', own }
  }
  const ofAgent = (machine: string): ConsoleSource | undefined => {
    const own = install.console(machine)
    return own && { name: 'agent', own }
  }
  const source = (machine: string) => ofDriver(machine) ?? ofLab(machine) ?? ofAgent(machine)
  const consoles = new Consoles({ records, source, record, writers, clock, events })
  events.listen(({ topic, id }) => {
    if (topic === 'power' || topic === 'bmc') consoles.follow(id)
  })
  return { records, consoles }
}
