/**
 * How outlets of power strips are switched by SNMP. Objects are below 1.3.6.1.4.1; `{unit}`, `{feed}` and `{outlet}` are the numbers of the
 * settings. `on` and `off` of the state may be several values; any other is unknown (a switch that is under way, a fault). Where a
 * strip has a command of its own for a cycle it is not used: the pause of the settings holds for all alike.
 */
export type OutletModel = Readonly<{
  about: string
  control: Readonly<{ on: Command; off: Command }>
  state: Readonly<{ oid: string; on: readonly number[]; off: readonly number[] }>
  /** What `{unit}` is when the settings do not say. */
  unit?: number
}>
type Command = Readonly<{ oid: string; value: number }>

/** One writable object takes both orders. */
function one(oid: string, on: number, off: number): OutletModel['control'] {
  return { on: { oid, value: on }, off: { oid, value: off } }
}

const APC = '1.3.6.1.4.1.318.1.1'
const RARITAN = '1.3.6.1.4.1.13742'
const EATON = '1.3.6.1.4.1.534.6.6'
const SENTRY = '1.3.6.1.4.1.1718'
const GUDE = '1.3.6.1.4.1.28507'

const gude = (product: number, about: string): OutletModel => {
  const port = `${GUDE}.${product}.1.3.1.2.1.3.{outlet}`
  return { about, control: one(port, 1, 0), state: { oid: port, on: [1], off: [0] } }
}

export const OUTLET_MODELS: Readonly<Record<string, OutletModel>> = {
  /** PowerNet-MIB: rPDUOutletControlOutletCommand, rPDUOutletStatusOutletState. */
  'apc-rpdu': {
    about: 'APC switched rack PDUs AP79xx',
    control: one(`${APC}.12.3.3.1.1.4.{outlet}`, 1, 2),
    state: { oid: `${APC}.12.3.5.1.1.4.{outlet}`, on: [1], off: [2] },
  },
  /** PowerNet-MIB: rPDU2OutletSwitchedControlCommand, rPDU2OutletSwitchedStatusState; rows are numbered through all strips of a chain. */
  'apc-rpdu2': {
    about: 'APC switched rack PDUs AP84xx, AP86xx, AP88xx, AP89xx',
    control: one(`${APC}.26.9.2.4.1.5.{outlet}`, 1, 2),
    state: { oid: `${APC}.26.9.2.3.1.5.{outlet}`, on: [2], off: [1] },
  },
  /** PowerNet-MIB: sPDUOutletCtl is written and read. */
  'apc-masterswitch': {
    about: 'APC MasterSwitch AP92xx, and older firmware of others',
    control: one(`${APC}.4.4.2.1.3.{outlet}`, 1, 2),
    state: { oid: `${APC}.4.4.2.1.3.{outlet}`, on: [1], off: [2] },
  },
  /** PowerNet-MIB: sPDUOutletControlMSPOutletCommand (3 is off at once), sPDUOutletStatusMSPOutletState; the middle index is a group of one. */
  'apc-masterswitch-plus': {
    about: 'APC MasterSwitch Plus AP9225',
    control: one(`${APC}.6.5.1.1.5.{unit}.1.{outlet}`, 1, 3),
    state: { oid: `${APC}.6.7.1.1.5.{unit}.1.{outlet}`, on: [1], off: [2] },
  },
  /** CPS-MIB: ePDUOutletControlOutletCommand, ePDUOutletStatusOutletState. */
  cyberpower: {
    about: 'CyberPower switched PDUs',
    control: one('1.3.6.1.4.1.3808.1.1.3.3.3.1.1.4.{outlet}', 1, 2),
    state: { oid: '1.3.6.1.4.1.3808.1.1.3.3.5.1.1.4.{outlet}', on: [1], off: [2] },
  },
  /** PDU-MIB: outletOperationalState is written and read. */
  'raritan-px': {
    about: 'Raritan Dominion PX',
    control: one(`${RARITAN}.4.1.2.2.1.3.{outlet}`, 1, 0),
    state: { oid: `${RARITAN}.4.1.2.2.1.3.{outlet}`, on: [1], off: [0] },
  },
  /** PDU2-MIB: switchingOperation, outletSwitchingState (7 on, 8 off). */
  'raritan-px2': {
    about: 'Raritan PX2, PX3 and strips of their MIB',
    control: one(`${RARITAN}.6.4.1.2.1.2.{unit}.{outlet}`, 1, 0),
    state: { oid: `${RARITAN}.6.4.1.2.1.3.{unit}.{outlet}`, on: [7], off: [8] },
  },
  /** EATON-EPDU-MIB: outletControlOnCmd and outletControlOffCmd take seconds of delay; outletControlStatus: 2 and 3 are pending. */
  'eaton-epdu': {
    about: 'Eaton ePDU G3 and G2 (Marlin)',
    control: {
      on: { oid: `${EATON}.7.6.6.1.4.{unit}.{outlet}`, value: 0 },
      off: { oid: `${EATON}.7.6.6.1.3.{unit}.{outlet}`, value: 0 },
    },
    state: { oid: `${EATON}.7.6.6.1.2.{unit}.{outlet}`, on: [1], off: [0] },
    unit: 0,
  },
  /** One object; its rows begin at 0, so that outlet 1 of the label is row 0: `{outlet-1}`. */
  'eaton-managed': {
    about: 'Eaton Powerware managed ePDU PW10x',
    control: one(`${EATON}.6.1.2.2.1.3.{outlet-1}`, 1, 0),
    state: { oid: `${EATON}.6.1.2.2.1.3.{outlet-1}`, on: [1], off: [0] },
  },
  /** Sentry3-MIB: outletControlAction, outletStatus (errors of sense and fuse are unknown). */
  'servertech-sentry3': {
    about: 'Server Technology Sentry CDU, firmware 7 and older',
    control: one(`${SENTRY}.3.2.3.1.11.{unit}.{feed}.{outlet}`, 1, 2),
    state: { oid: `${SENTRY}.3.2.3.1.5.{unit}.{feed}.{outlet}`, on: [1], off: [0] },
  },
  /** Sentry4-MIB: st4OutletControlAction, st4OutletState (DeviceState). */
  'servertech-sentry4': {
    about: 'Server Technology PRO1, PRO2, firmware 8',
    control: one(`${SENTRY}.4.1.8.5.1.2.{unit}.{feed}.{outlet}`, 1, 2),
    state: { oid: `${SENTRY}.4.1.8.3.1.1.{unit}.{feed}.{outlet}`, on: [1], off: [2] },
  },
  /** TRIPPLITE-PRODUCTS: tlpPduOutletCommand (idle 0, off 1, on 2), tlpPduOutletState. */
  tripplite: {
    about: 'Tripp Lite switched PDUs with WEBCARDLX',
    control: one('1.3.6.1.4.1.850.1.1.3.2.3.3.1.1.6.{unit}.{outlet}', 2, 1),
    state: { oid: '1.3.6.1.4.1.850.1.1.3.2.3.3.1.1.4.{unit}.{outlet}', on: [2], off: [1] },
  },
  /** TRIPPUPS-MIB of firmware 12: state and control beside each other. */
  'tripplite-12': {
    about: 'Tripp Lite PDUMH with firmware 12 (SNMPWEBCARD)',
    control: one('1.3.6.1.4.1.850.10.2.3.5.1.4.1.{outlet}', 2, 1),
    state: { oid: '1.3.6.1.4.1.850.10.2.3.5.1.2.1.{outlet}', on: [2], off: [1] },
  },
  /** One object is written and read: off 0, on 1, reboot 2. */
  'baytech-mrp27': {
    about: 'BayTech MRP27',
    control: one('1.3.6.1.4.1.4779.1.3.5.3.1.3.{unit}.{outlet}', 1, 0),
    state: { oid: '1.3.6.1.4.1.4779.1.3.5.3.1.3.{unit}.{outlet}', on: [1], off: [0] },
  },
  /** PM-MIB: pmPowerMgmtOutletsTablePowerControl (on 2, off 3), …Status (off 1, on 2). */
  avocent: {
    about: 'Avocent and Cyclades PM behind an ACS, and PM3000',
    control: one('1.3.6.1.4.1.10418.17.2.5.5.1.6.{unit}.{feed}.{outlet}', 2, 3),
    state: { oid: '1.3.6.1.4.1.10418.17.2.5.5.1.5.{unit}.{feed}.{outlet}', on: [2], off: [1] },
  },
  /** Its state (down 1, up 2) and its control (off 0, on 1) are two objects. */
  'emerson-mph': {
    about: 'Emerson (Vertiv) Liebert MPX and MPH',
    control: one('1.3.6.1.4.1.476.1.42.3.8.50.20.1.100.{unit}.{feed}.{outlet}', 1, 0),
    state: { oid: '1.3.6.1.4.1.476.1.42.3.8.50.20.1.95.{unit}.{feed}.{outlet}', on: [2], off: [1] },
  },
  /** Off 1, on 2; pending and reset are unknown. */
  aten: {
    about: 'ATEN PE switched PDUs',
    control: one('1.3.6.1.4.1.21317.1.3.2.2.2.2.{outlet}.0', 2, 1),
    state: { oid: '1.3.6.1.4.1.21317.1.3.2.2.2.2.{outlet}.0', on: [2], off: [1] },
  },
  /** Off 1, on 2. */
  teltronix: {
    about: 'Teltronix IP power switches',
    control: one('1.3.6.1.4.1.23620.1.2.2.1.4.{outlet}', 2, 1),
    state: { oid: '1.3.6.1.4.1.23620.1.2.2.1.4.{outlet}', on: [2], off: [1] },
  },
  /** GUDEADS-EPC822X-MIB: epc822XPortState is written and read. */
  'gude-822x': gude(38, 'Gude Expert Power Control 8220, 8221, 8225'),
}

/** The object with its numbers in place. */
export function outletOid(oid: string, at: Readonly<{ unit: number; feed: number; outlet: number }>): string {
  return oid
    .replace('{unit}', String(at.unit))
    .replace('{feed}', String(at.feed))
    .replace('{outlet-1}', String(at.outlet - 1))
    .replace('{outlet}', String(at.outlet))
}
