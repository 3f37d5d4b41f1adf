import { writeFileSync } from 'node:fs'
import { GENERATED } from '../test/docs/generated.ts'

/** Writes the documents that are made from the sources; test/docs/generated.test.ts fails when this was forgotten. */
for (const { path, text } of GENERATED) {
  writeFileSync(path, text())
  console.log(path)
}
