"""placeholder until the real one lands"""


def write_report(output_dir):
    return None
