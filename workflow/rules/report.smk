# Tables, figures and the page that holds them all.
rule report:
    input:
        unpack(report_inputs),
    output:
        accuracy=[REPORT.table(suffix) for suffix in ("csv", "md", "tex")],
        comparison=[REPORT.comparison(suffix) for suffix in ("csv", "md")],
        table=report(
            REPORT.table("png"),
            caption="../report/accuracy.rst",
            category="{benchmark}",
        ),
        confusion=report(
            REPORT.figure("confusion"),
            caption="../report/confusion.rst",
            category="{benchmark}",
        ),
        classes=report(
            REPORT.figure("classes"),
            caption="../report/classes.rst",
            category="{benchmark}",
        ),
        curves=report(
            REPORT.figure("curves"),
            caption="../report/curves.rst",
            category="{benchmark}",
        ),
        photographs=report(
            REPORT.figure("photographs"),
            caption="../report/photographs.rst",
            category="{benchmark}",
        ),
        generated=report(
            REPORT.figure("generated"),
            caption="../report/generated.rst",
            category="{benchmark}",
        ),
        flow_source=report(
            REPORT.figure("flow_source"),
            caption="../report/flow_source.rst",
            category="{benchmark}",
        ),
        flow_target=report(
            REPORT.figure("flow_target"),
            caption="../report/flow_target.rst",
            category="{benchmark}",
        ),
        page=report(
            REPORT.page,
            caption="../report/page.rst",
            category="{benchmark}",
        ),
    log:
        RESULTS.log("report", "{benchmark}"),
    benchmark:
        RESULTS.job_time("report", "{benchmark}")
    conda:
        "../../envs/i2vadapt.yaml"
    threads: stages.REPORT.threads
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        file=benchmark_file,
        results=recorded(CONFIG.results),
        published=recorded(str(WORKFLOW / "published.yaml")),
        printed=file_digest(WORKFLOW / "published.yaml"),
        methods=CONFIG.methods,
        features=report_options,
        seeds=CONFIG.seeds,
        folder=subpath(output.page, parent=True),
        version=stages.REPORT.version,
    shell:
        "PYTHONPATH=src python -m i2vadapt report --benchmark {params.file:q} --results {params.results:q}"
        " --methods {params.methods:q} {params.features:q} --seeds {params.seeds} --published {params.published:q} --out {params.folder:q} 2>&1 | tee {log:q}"
