// RUN: axec opt --verify-each %s --pass narrow_weights | filecheck %s
// A function that is only called with weights, and only casts them, is given narrower ones.

// CHECK: func.func @layers(%arg0: tensor<4xbf16> {axe.layout = "bf16", axe.weight = "a"}, %arg1: tensor<4xbf16> {axe.layout = "bf16", axe.weight = "b"})
func.func @layers(%a: tensor<4xf32> {axe.weight = "a"}, %b: tensor<4xf32> {axe.weight = "b"}) -> (tensor<4xbf16>, tensor<4xbf16>) {
  %0 = "control.call"(%a) {callee = @cast} : (tensor<4xf32>) -> tensor<4xbf16>
  %1 = "control.call"(%b) {callee = @cast} : (tensor<4xf32>) -> tensor<4xbf16>
  return %0, %1 : tensor<4xbf16>, tensor<4xbf16>
}
// CHECK: func.func private @cast(%arg0: tensor<4xbf16>)
// CHECK-NEXT: "axe.neg"(%arg0)
func.func private @cast(%w: tensor<4xf32>) -> tensor<4xbf16> {
  %0 = "axe.cast"(%w) {dtype = bf16} : (tensor<4xf32>) -> tensor<4xbf16>
  %1 = "axe.neg"(%0) : (tensor<4xbf16>) -> tensor<4xbf16>
  return %1 : tensor<4xbf16>
}

// Not where one call gives it something else, nor where the caller reads the weight as it is.
// CHECK: func.func @others(%arg0: tensor<4xf32> {axe.weight = "a"}, %arg1: tensor<4xf32>, %arg2: tensor<4xf32> {axe.weight = "b"})
func.func @others(%a: tensor<4xf32> {axe.weight = "a"}, %x: tensor<4xf32>, %b: tensor<4xf32> {axe.weight = "b"}) -> (tensor<4xbf16>, tensor<4xbf16>, tensor<4xbf16>, tensor<4xf32>) {
  %0 = "control.call"(%a) {callee = @first} : (tensor<4xf32>) -> tensor<4xbf16>
  %1 = "control.call"(%x) {callee = @first} : (tensor<4xf32>) -> tensor<4xbf16>
  %2 = "control.call"(%b) {callee = @second} : (tensor<4xf32>) -> tensor<4xbf16>
  %3 = "axe.neg"(%b) : (tensor<4xf32>) -> tensor<4xf32>
  return %0, %1, %2, %3 : tensor<4xbf16>, tensor<4xbf16>, tensor<4xbf16>, tensor<4xf32>
}
func.func private @first(%w: tensor<4xf32>) -> tensor<4xbf16> {
  %0 = "axe.cast"(%w) {dtype = bf16} : (tensor<4xf32>) -> tensor<4xbf16>
  return %0 : tensor<4xbf16>
}
func.func private @second(%w: tensor<4xf32>) -> tensor<4xbf16> {
  %0 = "axe.cast"(%w) {dtype = bf16} : (tensor<4xf32>) -> tensor<4xbf16>
  return %0 : tensor<4xbf16>
}
