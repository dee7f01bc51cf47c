// RUN: axec opt %s --pass fuse --pass outline | filecheck %s --check-prefix=MODEL
// RUN: axec opt %s --pass fuse --pass outline --pass "choose{kernel=gemm_0 choice=tile=8x2,rows=128,depth=512}" | filecheck %s
// RUN: axec opt %s --pass fuse --pass outline --pass "choose{kernel=gemm_0 choice=pack=no}" | filecheck %s --check-prefix=PLACE
// RUN: not axec opt %s --pass fuse --pass outline --pass "choose{kernel=gemm_0 choice=block=64}" 2>&1 | filecheck %s --check-prefix=WRONG
// RUN: not axec opt %s --pass fuse --pass outline --pass "choose{kernel=nobody choice=rows=6}" 2>&1 | filecheck %s --check-prefix=NOBODY
// The attribute `choice` of a kernel says what the cost model would decide otherwise. Units (blocks
// of rows times panels of 64 columns) and the room for packed columns follow.

// MODEL-NOT: choice
// MODEL: sym_name = "gemm_0", template = "gemm", units = "12", workspace = ["3145728"]

// CHECK: }) {bytes = {{.*}}, choice = "tile=8x2,rows=128,depth=512", {{.*}}, sym_name = "gemm_0", template = "gemm", units = "8", workspace = ["1048576"]}

// Columns that are read in place need no room.
// PLACE: choice = "pack=no"{{.*}} units = "12", workspace = []

// WRONG: error[choice-invalid]: block cannot be chosen of gemm_0
// WRONG: hint: what can be chosen of it: tile, rows, depth, pack
// NOBODY: error[option-invalid]: no kernel 'nobody'
// NOBODY: hint: one of: gemm_0
func.func @product(%x: tensor<512x1024xf32>, %y: tensor<1024x100xf32>) -> tensor<512x100xf32> {
  %0 = "axe.dot_general"(%x, %y) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<512x1024xf32>, tensor<1024x100xf32>) -> tensor<512x100xf32>
  return %0 : tensor<512x100xf32>
}
