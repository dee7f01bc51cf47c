// RUN: axec opt %s | axec opt - | filecheck %s

// CHECK-LABEL: @unary
func.func @unary(%x: tensor<?x3xf32, ["batch"]>) -> tensor<?x3xf32, ["batch"]> {
  // CHECK-NEXT: "axe.neg"(%arg0) : (tensor<?x3xf32, ["batch"]>) -> tensor<?x3xf32, ["batch"]>
  %0 = "axe.neg"(%x) : (tensor<?x3xf32, ["batch"]>) -> tensor<?x3xf32, ["batch"]>
  // CHECK-NEXT: "axe.exp"(%0)
  %1 = "axe.exp"(%0) : (tensor<?x3xf32, ["batch"]>) -> tensor<?x3xf32, ["batch"]>
  return %1 : tensor<?x3xf32, ["batch"]>
}

// CHECK-LABEL: @binary
func.func @binary(%x: tensor<3xi32>, %y: tensor<3xi32>) -> tensor<3xi32> {
  // CHECK-NEXT: "axe.add"(%arg0, %arg1) : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi32>
  %0 = "axe.add"(%x, %y) : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi32>
  // CHECK-NEXT: "axe.xor"(%0, %arg1)
  %1 = "axe.xor"(%0, %y) : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi32>
  return %1 : tensor<3xi32>
}

// CHECK-LABEL: @choice
func.func @choice(%x: tensor<3xf16>, %y: tensor<3xf16>) -> tensor<3xui8> {
  // CHECK-NEXT: "axe.compare"(%arg0, %arg1) {direction = "lt"} : (tensor<3xf16>, tensor<3xf16>) -> tensor<3xi1>
  %0 = "axe.compare"(%x, %y) {direction = "lt"} : (tensor<3xf16>, tensor<3xf16>) -> tensor<3xi1>
  // CHECK-NEXT: "axe.select"(%0, %arg0, %arg1)
  %1 = "axe.select"(%0, %x, %y) : (tensor<3xi1>, tensor<3xf16>, tensor<3xf16>) -> tensor<3xf16>
  // CHECK-NEXT: "axe.clamp"(%arg0, %1, %arg1)
  %2 = "axe.clamp"(%x, %1, %y) : (tensor<3xf16>, tensor<3xf16>, tensor<3xf16>) -> tensor<3xf16>
  // CHECK-NEXT: "axe.cast"(%2) {dtype = ui8} : (tensor<3xf16>) -> tensor<3xui8>
  %3 = "axe.cast"(%2) {dtype = ui8} : (tensor<3xf16>) -> tensor<3xui8>
  return %3 : tensor<3xui8>
}
