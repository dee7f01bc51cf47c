import axec as axe


@axe.entry(image=axe.spec((axe.dim("batch", 1, 8), 28, 28)))
def flat(image):
    return image.reshape((image.shape[0], 28 * 29))
