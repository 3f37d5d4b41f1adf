import { statSync } from 'node:fs'
import { createServer } from 'node:http'
import { loaderHandler } from '../src/boot/loader/http.ts'
import { serveBoot } from '../src/boot/loader/target.ts'
import { SILENT } from '../src/kit/log.ts'

/** Our HTTP boot server with one blob: `node bench/http-server.ts PORT SHA256 PATH`. */
const [port = '80', sha256 = '', path = ''] = process.argv.slice(2)
const bytes = statSync(path).size
const loader = loaderHandler({
  find: (name) => (name === 'small.efi' ? { bytes: new Uint8Array(1000) } : undefined),
  blobs: {
    stat: async (asked) => (asked === sha256 ? { bytes } : undefined),
    path: async (asked) => (asked === sha256 ? path : undefined),
  },
  describe: (asked) => (asked === sha256 ? { image: 'bench', role: 'initrd' } : undefined),
  trace: { record() {} },
  log: SILENT,
})
createServer(serveBoot({ handlers: [loader], log: SILENT })).listen(Number(port), '0.0.0.0')
