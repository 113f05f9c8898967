// SPDX-License-Identifier: MIT
// Lets the last of several workgroups go on with what all of them wrote, so that a reduction and
// the step that reads it are one dispatch. Needs `scratch`, with a counter that begins at 0.
shared uint arrive_room;

// Every lane must call it; true in exactly one of the `all` workgroups that call it with this
// counter, and that one sees what the others wrote to scratch before.
bool arrives_last(uint counter, uint all) {
  memoryBarrierBuffer();
  barrier();
  if (lane() == 0) arrive_room = atomicAdd(scratch.v[counter], 1);
  barrier();
  const bool last = arrive_room + 1 == all;
  if (last) memoryBarrierBuffer();
  barrier();
  return last;
}
