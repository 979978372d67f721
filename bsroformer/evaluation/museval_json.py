def museval_json(scores, stems):
    return "{}"
