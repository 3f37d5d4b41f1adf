import { expect, test } from 'vitest'
import { withPassword } from './shadow.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'))
const changed = (shadow: string, user: string) => {
  const result = withPassword(bytes(shadow), user, '$6$s$h', 20_000)
  return result && Buffer.from(result).toString('latin1')
}

test('one line changes, and no other byte', () => {
  expect(changed('root:*:1:0:99999:7:::\nal:x:1::::::\nalice:!:1:2:3:4:5:6:\xff\n\n', 'alice')).toBe(
    'root:*:1:0:99999:7:::\nal:x:1::::::\nalice:$6$s$h:20000:2:3:4:5:6:\xff\n\n',
  )
  expect(changed('root:*', 'root')).toBe('root:$6$s$h:20000')
})

test('a user that is not there changes nothing', () => {
  expect(changed('alice:!:1::::::\n', 'ali')).toBeUndefined()
  expect(changed('', 'root')).toBeUndefined()
})
