// Where things are: the repository, the tests' scratch folder, and the binary that is tested.

import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const scratch = path.join(root, 'build/e2e');
export const binary = path.resolve(root, process.env.GATEWAY_BIN ?? 'build/gateway');
export const isSanitized = /asan|tsan/.test(binary);
