import { SQLITE } from './engines.ts'
import { storeSuite } from './suite.ts'

storeSuite(SQLITE)
