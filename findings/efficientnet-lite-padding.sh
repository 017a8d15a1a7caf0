#!/usr/bin/env bash
# efficientnet-lite-pytorch 0.1.0: the padding of every convolution is fixed when the network is built, for
# pictures of 224 x 224, whatever size comes later. Other sizes give feature maps that are a row or a column
# short and shifted, without a warning. Built with image_size=None it pads as TensorFlow does.
#
# Seen with efficientnet-lite-pytorch 0.1.0 and torch 2.13.0 on Python 3.11, cells of the last feature map:
#   250 x 333: 7 x 10 as built by from_name, 8 x 11 with image_size=None (ceil(250/32) = 8, ceil(333/32) = 11)
#   225 x 225: 7 x 7 and 8 x 8
# The script fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q "torch==2.13.0" numpy "efficientnet-lite-pytorch==0.1.0"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import torch
from efficientnet_lite_pytorch import EfficientNet
from efficientnet_lite_pytorch.utils import get_model_params

usual = EfficientNet.from_name("efficientnet-lite0").eval()
blocks, params = get_model_params("efficientnet-lite0", {"image_size": None})
free = EfficientNet(blocks, params).eval()
free.load_state_dict(usual.state_dict())
seen = {}
with torch.no_grad():
    for shape in ((224, 224), (225, 225), (250, 333)):
        picture = torch.rand(1, 3, *shape, generator=torch.Generator().manual_seed(1))
        maps = [network.extract_features(picture) for network in (usual, free)]
        seen[shape] = tuple(tuple(found.shape[2:]) for found in maps)
        print(shape, "as built:", seen[shape][0], "image_size=None:", seen[shape][1])
assert seen[224, 224] == ((7, 7), (7, 7)), seen
assert seen[225, 225] == ((7, 7), (8, 8)), seen
assert seen[250, 333] == ((7, 10), (8, 11)), seen
PY
