# Tables, figures and the page that holds them all.
REPORT = f"{RESULTS}/reports/{{benchmark}}"


rule report:
    input:
        predictions=runs_of("predictions.csv"),
        metrics=runs_of("metrics.csv"),
        settings=runs_of("settings.yaml"),
        flow=all_flow,
    output:
        accuracy=multiext(f"{REPORT}/accuracy", ".csv", ".md", ".tex"),
        table=report(
            f"{REPORT}/accuracy.png",
            caption="../report/accuracy.rst",
            category="{benchmark}",
        ),
        confusion=report(
            f"{REPORT}/confusion.png",
            caption="../report/confusion.rst",
            category="{benchmark}",
        ),
        curves=report(
            f"{REPORT}/curves.png",
            caption="../report/curves.rst",
            category="{benchmark}",
        ),
        photographs=report(
            f"{REPORT}/photographs.png",
            caption="../report/photographs.rst",
            category="{benchmark}",
        ),
        generated=report(
            f"{REPORT}/generated.png",
            caption="../report/generated.rst",
            category="{benchmark}",
        ),
        flow_source=report(
            f"{REPORT}/flow_source.png",
            caption="../report/flow_source.rst",
            category="{benchmark}",
        ),
        flow_target=report(
            f"{REPORT}/flow_target.png",
            caption="../report/flow_target.rst",
            category="{benchmark}",
        ),
        page=report(
            f"{REPORT}/report.html",
            caption="../report/page.rst",
            category="{benchmark}",
        ),
    log:
        f"{RESULTS}/logs/report/{{benchmark}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/report/{{benchmark}}.tsv"
    conda:
        "../../envs/i2vadapt.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        file=lambda wildcards: str(BENCHMARKS[wildcards.benchmark].file),
        results=lambda wildcards: RESULTS,
        methods=CONFIG.methods,
        seeds=CONFIG.seeds,
        folder=subpath(output.page, parent=True),
        version=versions.REPORT,
    shell:
        "PYTHONPATH=src python -m i2vadapt report --benchmark {params.file:q} --results {params.results:q}"
        " --methods {params.methods:q} --seeds {params.seeds} --out {params.folder:q} 2>&1 | tee {log:q}"
