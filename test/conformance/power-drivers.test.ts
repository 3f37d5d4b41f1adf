import { httpBed, SHAPES } from './power-beds/http.ts'
import { agentBed, labBed, manualBed, wakeBed } from './power-beds/others.ts'
import { describePowerDriver } from './power-driver-suite.ts'

describePowerDriver('lab', labBed)
describePowerDriver('manual', manualBed)
describePowerDriver('wol', wakeBed)
describePowerDriver('agent', agentBed)
for (const shape of SHAPES) describePowerDriver(`http (${shape.preset})`, () => httpBed(shape))
