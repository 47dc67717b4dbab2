import { describe, expect, it, vi } from 'vitest';
import type { RemoteCache } from '../../client/remote.ts';
import { Cache } from '../../main/engine/index.ts';
import { placeEngine } from '../../main/engine-placement.ts';
import type { HostOptions } from '../../main/host.ts';
import { HostSealing } from '../../main/host-sealing.ts';
import { cache, defineStores, type StoreDeclarations } from '../../protocol/stores.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { findPlaintext } from '../sealing/sealed-fixture.ts';
import { stores as inModule } from './sealed-stores-module.ts';
import { UTILITY_ENTRY } from './utility-fixture.ts';

vi.mock('electron', () => import('./utility-double.ts'));

const MARKER = 'PLAINTEXT-MARKER';

const keyStore = {
  isEncryptionAvailable: () => true,
  encryptString: (text: string) => Buffer.from(text),
  decryptString: (encrypted: Buffer) => encrypted.toString(),
};

describe('sealed stores in a utility process', () => {
  it.each<[string, Pick<HostOptions<StoreDeclarations>, 'stores' | 'storesModule'>]>([
    ['whose declarations are sent', { stores: defineStores({ secrets: cache({ sealed: true }) }) }],
    [
      'that imports its declarations',
      { stores: inModule, storesModule: new URL('./sealed-stores-module.ts', import.meta.url) },
    ],
  ])('%s are opened with the keys of the host', async (_which, declared) => {
    const directory = freshDirectory();
    const options = { ...declared, placement: 'utility', seal: keyStore } as const;
    const paths = { directory, userData: undefined, utilityPath: UTILITY_ENTRY };
    for (const expected of [undefined, MARKER]) {
      const sealing = await HostSealing.open(directory, options);
      const host = await placeEngine(paths, sealing.withKeys<HostOptions<StoreDeclarations>>(options) as never);
      const { secrets } = host.stores as { readonly secrets: RemoteCache };
      expect(await secrets.get('k')).toBe(expected);
      await secrets.set('k', MARKER);
      await expect(sealing.rotate()).rejects.toMatchObject({ code: 'BAD_OPTION' });
      await host.close();
    }
    expect(findPlaintext(directory, MARKER)).toEqual([]);
    expect(() => new Cache(`${directory}/secrets`)).toThrow(expect.objectContaining({ code: 'WRONG_KEY' }));
  });
});
