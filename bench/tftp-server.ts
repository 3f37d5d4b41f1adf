import { serveTftp } from '../src/boot/loader/tftp.ts'
import { SILENT } from '../src/kit/log.ts'

/** Our TFTP server with one file: `node bench/tftp-server.ts PORT NAME PATH`. */
const [port = '69', name = '', path = ''] = process.argv.slice(2)
await serveTftp({
  listen: { host: '0.0.0.0', port: Number(port) },
  find: (asked) => (asked === name ? { path } : undefined),
  trace: { record() {} },
  log: SILENT,
})
