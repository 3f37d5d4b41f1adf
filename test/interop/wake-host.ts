import { Secret } from '../../src/kit/secret.ts'
import { wakeOnLanFactory } from '../../src/power/drivers/wol/wake-on-lan.ts'
import { DriverSettings } from '../../src/power/settings.ts'
import { listInterfaces } from '../../src/sockets/interfaces.ts'

/** Wakes a machine from the network that this process is in; what and how is its argument, as JSON. */
export type WakeInput = Readonly<{
  macs: readonly string[]
  address: string | null
  secureOn?: string
  settings?: Record<string, unknown>
}>

const { macs, address, secureOn, settings } = JSON.parse(process.argv[2]!) as WakeInput
const driver = wakeOnLanFactory({ interfaces: listInterfaces })(
  DriverSettings.parse({ kind: 'wol', ...settings }),
  secureOn === undefined ? {} : { secureOn: new Secret(secureOn) },
  { id: 'm', name: 'alpha', macs, address: () => address },
)
try {
  await driver.perform('on')
  console.log(await driver.probe())
} catch (error) {
  console.log(String(error))
}
