import { expect, test } from 'vitest'
import { parseArpTable } from './neighbours.ts'

test('reads complete entries of the table only', () => {
  const table = parseArpTable(
    [
      'IP address       HW type     Flags       HW address            Mask     Device',
      '10.77.0.130      0x1         0x2         52:54:00:AA:bb:01     *        br0',
      '10.77.0.131      0x1         0x0         00:00:00:00:00:00     *        br0',
      '10.77.0.132      0x1         0x0         52:54:00:aa:bb:02     *        br0',
      '',
    ].join('\n'),
  )
  expect([...table]).toEqual([['10.77.0.130', '52:54:00:aa:bb:01']])
})
