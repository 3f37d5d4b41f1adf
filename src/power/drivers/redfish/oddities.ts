/** How `Boot` is written. `full`: enabled, target and, where the machine shows one, mode. `target`: the target alone. */
export type BootWay = 'full' | 'without-mode' | 'target'
/** How a disc is put in. `image`: its address alone. `inserted`: with Inserted and WriteProtected. `protocol`: with TransferProtocolType. */
export type InsertWay = 'image' | 'inserted' | 'protocol'

/** What differs from machine to machine. Ways are tried in their order as long as the answer is 400. */
export type Oddities = Readonly<{
  /** What the manufacturer's name begins with, in lower case. */
  makers: readonly string[]
  boot: readonly BootWay[]
  /** Target that is sent with `Disabled`; `null`: none. */
  clearTarget: 'None' | 'Pxe' | null
  /** Targets that mean the virtual drive, the first that is offered. */
  media: readonly string[]
  insert: readonly InsertWay[]
  /** Where it was reported. */
  source: string
}>

const USUAL: Oddities = {
  makers: [],
  boot: ['full', 'without-mode', 'target'],
  clearTarget: 'None',
  media: ['Cd', 'UsbCd', 'RemoteDrive'],
  insert: ['image', 'inserted', 'protocol'],
  source: 'DSP0266, DSP0268',
}

/** What is known of makers, in one table. Whatever they do is read back in any case. */
export const ODDITIES: readonly Oddities[] = [
  {
    ...USUAL,
    // The mode is not writable, and an override is not taken away while its target is None.
    makers: ['hpe', 'hp', 'hewlett'],
    boot: ['without-mode', 'full', 'target'],
    clearTarget: 'Pxe',
    source: 'bmclib#318, community.general#3509, ironcore-dev/metal-operator#998',
  },
  {
    ...USUAL,
    // The mode reverts to Legacy when it is left out, and Inserted and WriteProtected are refused; the virtual drive is a USB one.
    makers: ['supermicro', 'super micro'],
    boot: ['full', 'without-mode'],
    media: ['UsbCd', 'Cd'],
    insert: ['image', 'protocol', 'inserted'],
    source: 'bmclib#459, DMTF/Redfishtool#106, sushy (SuperMicro X11 and X12)',
  },
  {
    ...USUAL,
    // Of the 13th generation: BootSourceOverrideEnabled is refused, and the target alone counts once.
    makers: ['dell'],
    boot: ['full', 'without-mode', 'target'],
    insert: ['inserted', 'image', 'protocol'],
    source: 'community.general#5091, iDRAC-Redfish-Scripting#265',
  },
  {
    ...USUAL,
    // A disc that is not said to be inserted is not attached.
    makers: ['lenovo', 'ibm'],
    insert: ['inserted', 'image', 'protocol'],
    source: 'sushy (Lenovo SD530)',
  },
]

export function odditiesOf(manufacturer: string | null): Oddities {
  const maker = (manufacturer ?? '').toLowerCase()
  return ODDITIES.find(({ makers }) => makers.some((name) => maker.startsWith(name))) ?? USUAL
}
